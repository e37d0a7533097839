/**
 * A list of members that come and go, in the order in which they came.
 *
 * Not a Set: V8 links the table that a Set or Map has outgrown to the next one. Once such a table is in the old generation, it
 * keeps all later ones, with the members that they had when they were outgrown, until the whole heap is collected.
 * @module
 */

/** One member. It refers to others only while it is in the list. */
export class Member<T> {
  readonly value: T;
  /** @internal */
  previous: Member<T> | undefined;
  /** @internal */
  next: Member<T> | undefined;
  /** @internal */
  isIn = true;

  /** @internal */
  constructor(value: T, previous: Member<T> | undefined) {
    this.value = value;
    this.previous = previous;
  }
}

/** The list. */
export class Roster<T> {
  #first: Member<T> | undefined;
  #last: Member<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @returns what `remove` takes */
  add(value: T): Member<T> {
    const member = new Member(value, this.#last);
    if (this.#last === undefined) this.#first = member;
    else this.#last.next = member;
    this.#last = member;
    this.#size++;
    return member;
  }

  /** @param member one of this list @returns whether it was in the list until now */
  remove(member: Member<T>): boolean {
    if (!member.isIn) return false;
    const { previous, next } = member;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    member.previous = undefined;
    member.next = undefined;
    member.isIn = false;
    this.#size--;
    return true;
  }

  /** The members of this moment. */
  members(): Member<T>[] {
    const members: Member<T>[] = [];
    for (let member = this.#first; member !== undefined; member = member.next) members.push(member);
    return members;
  }
}

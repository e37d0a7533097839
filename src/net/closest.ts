/**
 * Suggests the word that was probably meant.
 * @module
 */

/**
 * Finds the candidate that differs from the word by few typing errors: at most one in a word of up to five letters, at most two
 * in a longer word. An error is one letter added, missing, replaced, or two neighbours swapped.
 * @returns undefined when no candidate is near enough, or the word is a candidate itself
 */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  if (candidates.includes(word)) return undefined;
  let found: string | undefined;
  let least = Math.min(word.length, 64) > 5 ? 3 : 2;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= least) continue;
    const errors = distance(word.toLowerCase(), candidate.toLowerCase());
    if (errors < least) [found, least] = [candidate, errors];
  }
  return found;
}

/** Optimal string alignment distance: Levenshtein distance that also counts a swap of neighbours as one error. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = Number(a[i - 1] !== b[j - 1]);
      let least = Math.min((row[j - 1] as number) + 1, (last[j] as number) + 1, (last[j - 1] as number) + change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] as number) + 1);
      row.push(least);
    }
    [before, last] = [last, row];
  }
  return last[b.length] as number;
}

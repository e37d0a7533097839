-- Wireshark's dissector of Stellar's overlay, of stellar-handshake (Apache-2.0): docs/wireshark.md says how to use it.
-- Made by scripts/wireshark-dissector.ts: change that, or scripts/dissector, not this file.
-- For Wireshark 4.0 and newer, with Lua 5.2 to 5.4. Put it into the folder of personal Lua plugins, or:
--     tshark -X lua_script:stellar.lua -r FILE -Y stellar

local DEFAULT_PORT, MAX_RECORD_BYTES = 11625, 16777216

local MESSAGE_NAMES = {
  [0] = "ERROR_MSG",
  [2] = "AUTH",
  [3] = "DONT_HAVE",
  [5] = "PEERS",
  [6] = "GET_TX_SET",
  [7] = "TX_SET",
  [8] = "TRANSACTION",
  [9] = "GET_SCP_QUORUMSET",
  [10] = "SCP_QUORUMSET",
  [11] = "SCP_MESSAGE",
  [12] = "GET_SCP_STATE",
  [13] = "HELLO",
  [16] = "SEND_MORE",
  [17] = "GENERALIZED_TX_SET",
  [18] = "FLOOD_ADVERT",
  [19] = "FLOOD_DEMAND",
  [20] = "SEND_MORE_EXTENDED",
  [21] = "TIME_SLICED_SURVEY_REQUEST",
  [22] = "TIME_SLICED_SURVEY_RESPONSE",
  [23] = "TIME_SLICED_SURVEY_START_COLLECTING",
  [24] = "TIME_SLICED_SURVEY_STOP_COLLECTING",
}

local ERROR_CODES = {
  [0] = "ERR_MISC",
  [1] = "ERR_DATA",
  [2] = "ERR_CONF",
  [3] = "ERR_AUTH",
  [4] = "ERR_LOAD",
}

local SURVEY_COMMANDS = {
  [1] = "TIME_SLICED_SURVEY_TOPOLOGY",
}

local SCP_STATEMENTS = {
  [0] = "SCP_ST_PREPARE",
  [1] = "SCP_ST_CONFIRM",
  [2] = "SCP_ST_EXTERNALIZE",
  [3] = "SCP_ST_NOMINATE",
}

local NETWORKS = {
  ["7ac33997544e3175d266bd022439b22cdb16508c01163f26e5cb2a3e1045a979"] = "pubnet",
  ["cee0302d59844d32bdca915c8203dd44b33fbb7edc19051ea37abedf28ecd472"] = "testnet",
  ["a3a1c6a78286713e29be0e9785670fa838d13917cd8eaeb4a3579ff1debc7fd5"] = "futurenet",
  ["baefd734b8d3e48472cff83912375fedbc7573701912fe308af730180f97d74a"] = "standalone",
}

---------------------------------------------------------------------------------------------------
-- SHA-256 (FIPS 180-4), HMAC (RFC 2104), CRC-16 (XMODEM, for StrKey). Lua 5.2 has functions for bits. Later versions have operators,
-- which are five times as fast, but 5.2 cannot parse them: so the text of these functions is rewritten for later versions.

local HASHES = [[
local K = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}
local byte, char = string.byte, string.char
local w = {}

local function be(n)
  return char((n - n % 16777216) / 16777216 % 256, (n - n % 65536) / 65536 % 256, (n - n % 256) / 256 % 256, n % 256)
end

local function sha256(text)
  local bits = #text * 8
  local low = bits % 4294967296
  text = text .. "\128" .. ("\0"):rep((55 - #text) % 64) .. be((bits - low) / 4294967296) .. be(low)
  local A, B, C, D = 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a
  local E, F, G, H = 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
  for at = 1, #text, 64 do
    for i = 1, 16 do
      local b1, b2, b3, b4 = byte(text, at + 4 * i - 4, at + 4 * i - 1)
      w[i] = b1 * 16777216 + b2 * 65536 + b3 * 256 + b4
    end
    for i = 17, 64 do
      local x, y = w[i - 15], w[i - 2]
      w[i] = wrap(w[i - 16] + w[i - 7] + xor(ror(x, 7), ror(x, 18), shr(x, 3)) + xor(ror(y, 17), ror(y, 19), shr(y, 10)))
    end
    local a, b, c, d, e, f, g, h = A, B, C, D, E, F, G, H
    for i = 1, 64 do
      local t = h + xor(ror(e, 6), ror(e, 11), ror(e, 25)) + xor(g, band(e, xor(f, g))) + K[i] + w[i]
      local u = xor(ror(a, 2), ror(a, 13), ror(a, 22)) + xor(band(a, b), band(a, c), band(b, c))
      h, g, f, e, d, c, b, a = g, f, e, wrap(d + t), c, b, a, wrap(t + u)
    end
    A, B, C, D = wrap(A + a), wrap(B + b), wrap(C + c), wrap(D + d)
    E, F, G, H = wrap(E + e), wrap(F + f), wrap(G + g), wrap(H + h)
  end
  return be(A) .. be(B) .. be(C) .. be(D) .. be(E) .. be(F) .. be(G) .. be(H)
end

local function pad(key, value)
  return (key:gsub(".", function(c)
    local b = byte(c)
    return char(xor(b, value))
  end)) .. char(value):rep(64 - #key)
end

local function hmac(key, text)
  return sha256(pad(key, 0x5c) .. sha256(pad(key, 0x36) .. text))
end

local function crc16(text)
  local crc = 0
  for i = 1, #text do
    local b = byte(text, i) * 256
    crc = xor(crc, b)
    for _ = 1, 8 do
      local carry = crc >= 32768
      crc = crc * 2 % 65536
      if carry then crc = xor(crc, 0x1021) end
    end
  end
  return crc
end

return sha256, hmac, crc16
]]

-- Innermost calls first; \1 and \2 are the parentheses of rewritten calls.
local function withOperators(text)
  local operators = { xor = " ~ ", band = " & ", shr = " >> " }
  local count
  repeat
    text, count = text:gsub("(%l+)(%([^()]*%))", function(name, list)
      local inside = list:sub(2, -2)
      if operators[name] then return "\1" .. inside:gsub(", ", operators[name]) .. "\2" end
      if name == "wrap" then return "\1\1" .. inside .. "\2 & 0xffffffff\2" end
      local x, n = inside:match("^(%w), (%d+)$")
      if name == "ror" then return ("\1%s >> %s | %s << %d\2"):format(x, n, x, 32 - n) end
    end)
    local _, left = text:gsub("%f[%l]xor%(", "")
    local _, more = text:gsub("%f[%l]wrap%(", "")
  until left + more == 0
  return (text:gsub("\1", "("):gsub("\2", ")"))
end

local sha256, hmac, crc16
if bit32 and _VERSION == "Lua 5.2" then
  local names = "local xor, band, ror, shr, wrap = bit32.bxor, bit32.band, bit32.rrotate, bit32.rshift, bit32.band\n"
  sha256, hmac, crc16 = assert(load(names .. HASHES))()
else
  sha256, hmac, crc16 = assert(load(withOperators(HASHES)))()
end

local function hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local function unhex(text)
  return (text:gsub("..", function(c) return string.char(tonumber(c, 16)) end))
end

local BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
local strKeys, strKeyCount = {}, 0

-- The StrKey of an ed25519 public key of 32 bytes: G… (SEP-23).
local function strKey(key)
  local known = strKeys[key]
  if known then return known end
  local payload = "\48" .. key
  local crc = crc16(payload)
  local bytes = payload .. string.char(crc % 256, (crc - crc % 256) / 256)
  local out, bits, value = {}, 0, 0
  for i = 1, #bytes do
    value, bits = value * 256 + bytes:byte(i), bits + 8
    while bits >= 5 do
      bits = bits - 5
      local rest = value % 2 ^ bits
      local digit = (value - rest) / 2 ^ bits + 1
      out[#out + 1] = BASE32:sub(digit, digit)
      value = rest
    end
  end
  if strKeyCount > 10000 then strKeys, strKeyCount = {}, 0 end
  strKeys[key], strKeyCount = table.concat(out), strKeyCount + 1
  return strKeys[key]
end

---------------------------------------------------------------------------------------------------
-- Fields

local stellar = Proto("stellar", "Stellar overlay")
local fields, experts = {}, {}

-- The field of a path below stellar. A field that several structures share is made once.
local function field(kind, path, label, ...)
  if not fields[path] then fields[path] = ProtoField[kind]("stellar." .. path, label, ...) end
  return fields[path]
end

local function names(values)
  local out = {}
  for number, name in pairs(values) do out[number] = name end
  return out
end

local fLength = field("uint32", "length", "Record length", base.DEC, nil, 0x7fffffff, "Bytes of the record body")
local fLast = field("bool", "last_fragment", "Last fragment", 32, nil, 0x80000000, "Bit 31 of the record header; nobody looks at it")
local fVersion = field("uint32", "version", "v", base.DEC, nil, nil, "Version of the union AuthenticatedMessage")
local fSequence = field("uint64", "sequence", "sequence")
local fType = field("int32", "type", "type", base.DEC, names(MESSAGE_NAMES), nil, "Type of the message")
local fMac = field("bytes", "mac", "mac", base.NONE, "HMAC-SHA256 of sequence and message; zero in HELLO and ERROR_MSG")
local fMacStatus = field("string", "mac.status", "MAC", base.ASCII, "good, bad, no key, none, or not verified")
local fPayload = field("bytes", "payload", "Payload", base.NONE, "Fields of a message of a type that is not in use")
local fUndecoded = field("bytes", "undecoded", "Undecoded", base.NONE, "Bytes from where a record is malformed")
local fSkipped = field("bytes", "skipped", "Bytes before the next record", base.NONE, "Of a stream that was joined midway")
local fFrom = field("string", "from", "Sent by", base.ASCII, "A dialled, B accepted")
local fNetwork = field("string", "hello.network", "Network", base.ASCII, "Name of the network of networkID")
local fIn = field("framenum", "response_in", "Response in", base.NONE, frametype.RESPONSE)
local fTo = field("framenum", "response_to", "Response to", base.NONE, frametype.REQUEST)
local fTime = field("relative_time", "time", "Time", "From the request to its answer")

local function expertInfo(name, text, group, severity)
  experts[name] = ProtoExpert.new("stellar." .. name, text, group, severity)
  return experts[name]
end

local xMalformed = expertInfo("malformed", "Malformed record", expert.group.MALFORMED, expert.severity.ERROR)
local xError = expertInfo("error", "ERROR_MSG: the sender ends the connection", expert.group.RESPONSE_CODE, expert.severity.WARN)
local xUnknown = expertInfo("unknown_type", "Unknown type of message", expert.group.UNDECODED, expert.severity.NOTE)
local xSequence = expertInfo("sequence_gap", "Sequence is not that of the record before, plus one", expert.group.SEQUENCE, expert.severity.WARN)
local xRepeated = expertInfo("repeated", "Sequence has been seen before: retransmitted, or a replay", expert.group.SEQUENCE, expert.severity.NOTE)
local xMac = expertInfo("bad_mac", "Bad MAC", expert.group.CHECKSUM, expert.severity.ERROR)
local xNetwork = expertInfo("other_network", "The two sides are on different networks", expert.group.PROTOCOL, expert.severity.WARN)
local xMidway = expertInfo("midway", "Bytes before the next record: joined midway, a segment is missing, or a length was wrong", expert.group.REASSEMBLE, expert.severity.NOTE)

---------------------------------------------------------------------------------------------------
-- XDR: each type is a function of context, offset and tree that returns the offset after it. It adds nothing to the
-- tree if there is none. It throws a text when the bytes are not well-formed, or SHORT when more bytes may follow.

local SHORT = {}
local MAX_ITEMS = 20000
local MAX_SHOWN_DEPTH = 100

local function need(c, offset, count)
  if offset + count > c.stop then error(c.isPart and SHORT or "the input ends early", 0) end
end

-- Adds a field. The tree of a message has a maximum number of fields.
local function add(c, tree, f, offset, count, ...)
  if not tree then return end
  c.items = c.items + 1
  if c.items > MAX_ITEMS then return end
  return tree:add(f, c.tvb(offset, count), ...)
end

local function note(c, path, offset)
  if not c.at[path] then c.at[path] = offset end
end

local function FIXED(kind, count, path, label, ...)
  local f = field(kind, path, label, ...)
  return function(c, offset, tree)
    need(c, offset, count)
    note(c, path, offset)
    add(c, tree, f, offset, count)
    return offset + count
  end
end

local function U32(path, label) return FIXED("uint32", 4, path, label, base.DEC) end
local function I32(path, label) return FIXED("int32", 4, path, label, base.DEC) end
local function U64(path, label) return FIXED("uint64", 8, path, label, base.DEC) end
local function IPV4(path, label) return FIXED("ipv4", 4, path, label) end
local function IPV6(path, label) return FIXED("ipv6", 16, path, label) end
local function OPAQUE(path, label, count) return FIXED("bytes", count, path, label) end

-- The name of the network is shown beside its networkID.
local function NETWORK(path, label)
  local bytes = OPAQUE(path, label, 32)
  return function(c, offset, tree)
    local after = bytes(c, offset, tree)
    if tree then
      local name = NETWORKS[hex(c.tvb:raw(offset, 32))] or "unknown"
      add(c, tree, fNetwork, offset, 32, name):set_generated()
    end
    return after
  end
end

-- An enum. Other values are refused, or accepted if it is open.
local function ENUM(path, label, values, isOpen)
  local f = field("int32", path, label, base.DEC, names(values))
  return function(c, offset, tree)
    need(c, offset, 4)
    if not isOpen and not values[c.tvb(offset, 4):int()] then error(label .. ": unknown enum value", 0) end
    note(c, path, offset)
    add(c, tree, f, offset, 4)
    return offset + 4
  end
end

-- Length, bytes, zeros up to a multiple of 4. @return offset and length of the bytes, offset after the padding
local function variable(c, offset, max, label)
  need(c, offset, 4)
  local length = c.tvb(offset, 4):uint()
  if length > max then error(("%s: length %.0f above the maximum of %.0f"):format(label, length, max), 0) end
  local padded = length + (4 - length % 4) % 4
  need(c, offset + 4, padded)
  for i = offset + 4 + length, offset + 3 + padded do
    if c.tvb(i, 1):uint() ~= 0 then error(label .. ": padding that is not zero", 0) end
  end
  return offset + 4, length, offset + 4 + padded
end

local function VAR(path, label, max)
  local f = field("bytes", path, label)
  return function(c, offset, tree)
    local begin, length, after = variable(c, offset, max, label)
    note(c, path, offset)
    if length > 0 then add(c, tree, f, begin, length)
    elseif tree then add(c, tree, f, offset, 4, ByteArray.new(), label .. ": empty") end
    return after
  end
end

local function STRING(path, label, max)
  local f = field("string", path, label)
  return function(c, offset, tree)
    local begin, length, after = variable(c, offset, max, label)
    note(c, path, offset)
    if length > 0 then
      if tree and c.items <= MAX_ITEMS then tree:add_packet_field(f, c.tvb(begin, length), ENC_UTF_8) end
    else add(c, tree, f, offset, 4, "") end
    return after
  end
end

local function NODE_ID(path, label)
  local f = field("string", path, label)
  return function(c, offset, tree)
    need(c, offset, 36)
    if c.tvb(offset, 4):uint() ~= 0 then error(label .. ": unknown key type", 0) end
    note(c, path, offset)
    if tree then add(c, tree, f, offset, 36, strKey(c.tvb:raw(offset + 4, 32))) end
    return offset + 36
  end
end

-- The rest has a type of the ledger and stays bytes.
local function REMAINDER(path, label)
  local f = field("bytes", path, label)
  return function(c, offset, tree)
    need(c, offset, 4)
    note(c, path, offset)
    add(c, tree, f, offset, c.stop - offset)
    return c.stop
  end
end

local function STRUCT(members)
  return function(c, offset, tree)
    for i = 1, #members do offset = members[i](c, offset, tree) end
    return offset
  end
end

-- A structure with its own branch.
local function BRANCH(path, label, inner)
  local f = field("none", path, label)
  return function(c, offset, tree)
    need(c, offset, 4)
    local branch = add(c, tree, f, offset, c.stop - offset)
    local after = inner(c, offset, branch)
    if branch then branch:set_len(after - offset) end
    return after
  end
end

local function UNION(path, label, cases)
  local values = {}
  for number, case in pairs(cases) do values[number] = case[1] end
  local discriminant = ENUM(path, label, values)
  return function(c, offset, tree)
    local after = discriminant(c, offset, tree)
    return cases[c.tvb(offset, 4):int()][2](c, after, tree)
  end
end

local function ARRAY(path, label, max, element)
  local f = field("uint32", path, label, base.DEC)
  return function(c, offset, tree)
    need(c, offset, 4)
    local count = c.tvb(offset, 4):uint()
    if count > max then error(("%s: %.0f above the maximum of %.0f"):format(label, count, max), 0) end
    note(c, path, offset)
    add(c, tree, f, offset, 4)
    offset = offset + 4
    for _ = 1, count do offset = element(c, offset, tree) end
    return offset
  end
end

local function OPTIONAL(path, label, inner)
  local f = field("bool", path, label)
  return function(c, offset, tree)
    need(c, offset, 4)
    local flag = c.tvb(offset, 4):uint()
    if flag > 1 then error(label .. ": an optional flag other than 0 or 1", 0) end
    add(c, tree, f, offset, 4)
    if flag == 0 then return offset + 4 end
    return inner(c, offset + 4, tree)
  end
end

local function RECURSIVE(find, maxDepth)
  return function(c, offset, tree)
    if c.depth == maxDepth then error(("nested deeper than %d levels"):format(maxDepth), 0) end
    c.depth = c.depth + 1
    -- Wireshark does not accept a tree of more than 500 levels.
    offset = find()(c, offset, c.depth <= MAX_SHOWN_DEPTH and tree or nil)
    c.depth = c.depth - 1
    return offset
  end
end

---------------------------------------------------------------------------------------------------
-- Messages, as protocol/wire/messages.ts has them

local quorumSet
quorumSet = STRUCT{
  U32("scp_quorumset.threshold", "threshold"),
  ARRAY("scp_quorumset.validators.length", "validators.length", 4294967295, NODE_ID("scp_quorumset.validators", "validators")),
  ARRAY("scp_quorumset.inner_sets.length", "innerSets.length", 4294967295, BRANCH("scp_quorumset.inner_sets", "innerSets", RECURSIVE(function() return quorumSet end, 745))) }

local MESSAGES = {
  [0] = { "ERROR_MSG", STRUCT{
    ENUM("error_msg.code", "code", ERROR_CODES, true),
    STRING("error_msg.msg", "msg", 100) } },
  [2] = { "AUTH", STRUCT{
    I32("auth.flags", "flags") } },
  [3] = { "DONT_HAVE", STRUCT{
    ENUM("dont_have.req_type", "reqType", MESSAGE_NAMES),
    OPAQUE("dont_have.req_hash", "reqHash", 32) } },
  [5] = { "PEERS", STRUCT{
    ARRAY("peers.length", "peers.length", 100, BRANCH("peers.peers", "peers", STRUCT{
      BRANCH("peers.peers.ip", "ip", UNION("peers.ip.type", "ip.type", {
        [0] = { "IPv4", IPV4("peers.ipv4", "ip") },
        [1] = { "IPv6", IPV6("peers.ipv6", "ip") } })),
      U32("peers.port", "port"),
      U32("peers.num_failures", "numFailures") })) } },
  [6] = { "GET_TX_SET", STRUCT{
    OPAQUE("get_tx_set.tx_set_hash", "txSetHash", 32) } },
  [7] = { "TX_SET", STRUCT{
    REMAINDER("tx_set.tx_set", "txSet") } },
  [8] = { "TRANSACTION", STRUCT{
    REMAINDER("transaction.transaction", "transaction") } },
  [9] = { "GET_SCP_QUORUMSET", STRUCT{
    OPAQUE("get_scp_quorumset.qset_hash", "qSetHash", 32) } },
  [10] = { "SCP_QUORUMSET", STRUCT{
    BRANCH("scp_quorumset.qset", "qSet", RECURSIVE(function() return quorumSet end, 745)) } },
  [11] = { "SCP_MESSAGE", STRUCT{
    BRANCH("scp_message.envelope", "envelope", STRUCT{
      BRANCH("scp_message.envelope.statement", "statement", STRUCT{
        NODE_ID("scp_message.node_id", "nodeID"),
        U64("scp_message.slot_index", "slotIndex"),
        BRANCH("scp_message.envelope.statement.pledges", "pledges", UNION("scp_message.type", "pledges.type", {
          [0] = { "SCP_ST_PREPARE", STRUCT{
            OPAQUE("scp_message.quorum_set_hash", "quorumSetHash", 32),
            BRANCH("scp_message.envelope.statement.pledges.ballot", "ballot", STRUCT{
              U32("scp_message.ballot.counter", "counter"),
              VAR("scp_message.ballot.value", "value", 4294967295) }),
            OPTIONAL("scp_message.prepared.present", "prepared.present", BRANCH("scp_message.envelope.statement.pledges.prepared", "prepared", STRUCT{
              U32("scp_message.prepared.counter", "counter"),
              VAR("scp_message.prepared.value", "value", 4294967295) })),
            OPTIONAL("scp_message.prepared_prime.present", "preparedPrime.present", BRANCH("scp_message.envelope.statement.pledges.prepared_prime", "preparedPrime", STRUCT{
              U32("scp_message.prepared_prime.counter", "counter"),
              VAR("scp_message.prepared_prime.value", "value", 4294967295) })),
            U32("scp_message.n_c", "nC"),
            U32("scp_message.n_h", "nH") } },
          [1] = { "SCP_ST_CONFIRM", STRUCT{
            BRANCH("scp_message.envelope.statement.pledges.ballot", "ballot", STRUCT{
              U32("scp_message.ballot.counter", "counter"),
              VAR("scp_message.ballot.value", "value", 4294967295) }),
            U32("scp_message.n_prepared", "nPrepared"),
            U32("scp_message.n_commit", "nCommit"),
            U32("scp_message.n_h", "nH"),
            OPAQUE("scp_message.quorum_set_hash", "quorumSetHash", 32) } },
          [2] = { "SCP_ST_EXTERNALIZE", STRUCT{
            BRANCH("scp_message.envelope.statement.pledges.commit", "commit", STRUCT{
              U32("scp_message.commit.counter", "counter"),
              VAR("scp_message.commit.value", "value", 4294967295) }),
            U32("scp_message.n_h", "nH"),
            OPAQUE("scp_message.commit_quorum_set_hash", "commitQuorumSetHash", 32) } },
          [3] = { "SCP_ST_NOMINATE", STRUCT{
            OPAQUE("scp_message.quorum_set_hash", "quorumSetHash", 32),
            ARRAY("scp_message.votes.length", "votes.length", 4294967295, VAR("scp_message.votes", "votes", 4294967295)),
            ARRAY("scp_message.accepted.length", "accepted.length", 4294967295, VAR("scp_message.accepted", "accepted", 4294967295)) } } })) }),
      VAR("scp_message.signature", "signature", 64) }) } },
  [12] = { "GET_SCP_STATE", STRUCT{
    U32("get_scp_state.ledger_seq", "ledgerSeq") } },
  [13] = { "HELLO", STRUCT{
    U32("hello.ledger_version", "ledgerVersion"),
    U32("hello.overlay_version", "overlayVersion"),
    U32("hello.overlay_min_version", "overlayMinVersion"),
    NETWORK("hello.network_id", "networkID"),
    STRING("hello.version_str", "versionStr", 100),
    I32("hello.listening_port", "listeningPort"),
    NODE_ID("hello.peer_id", "peerID"),
    BRANCH("hello.cert", "cert", STRUCT{
      OPAQUE("hello.cert.pubkey", "pubkey", 32),
      U64("hello.cert.expiration", "expiration"),
      VAR("hello.cert.sig", "sig", 64) }),
    OPAQUE("hello.nonce", "nonce", 32) } },
  [16] = { "SEND_MORE", STRUCT{
    U32("send_more.num_messages", "numMessages") } },
  [17] = { "GENERALIZED_TX_SET", STRUCT{
    REMAINDER("generalized_tx_set.generalized_tx_set", "generalizedTxSet") } },
  [18] = { "FLOOD_ADVERT", STRUCT{
    ARRAY("flood_advert.tx_hashes.length", "txHashes.length", 1000, OPAQUE("flood_advert.tx_hashes", "txHashes", 32)) } },
  [19] = { "FLOOD_DEMAND", STRUCT{
    ARRAY("flood_demand.tx_hashes.length", "txHashes.length", 1000, OPAQUE("flood_demand.tx_hashes", "txHashes", 32)) } },
  [20] = { "SEND_MORE_EXTENDED", STRUCT{
    U32("send_more_extended.num_messages", "numMessages"),
    U32("send_more_extended.num_bytes", "numBytes") } },
  [21] = { "TIME_SLICED_SURVEY_REQUEST", STRUCT{
    BRANCH("time_sliced_survey_request.request", "request", STRUCT{
      VAR("time_sliced_survey_request.signature", "signature", 64),
      NODE_ID("time_sliced_survey_request.surveyor_peer_id", "surveyorPeerID"),
      NODE_ID("time_sliced_survey_request.surveyed_peer_id", "surveyedPeerID"),
      U32("time_sliced_survey_request.ledger_num", "ledgerNum"),
      OPAQUE("time_sliced_survey_request.encryption_key", "encryptionKey", 32),
      ENUM("time_sliced_survey_request.command_type", "commandType", SURVEY_COMMANDS),
      U32("time_sliced_survey_request.nonce", "nonce"),
      U32("time_sliced_survey_request.inbound_peers_index", "inboundPeersIndex"),
      U32("time_sliced_survey_request.outbound_peers_index", "outboundPeersIndex") }) } },
  [22] = { "TIME_SLICED_SURVEY_RESPONSE", STRUCT{
    BRANCH("time_sliced_survey_response.response", "response", STRUCT{
      VAR("time_sliced_survey_response.signature", "signature", 64),
      NODE_ID("time_sliced_survey_response.surveyor_peer_id", "surveyorPeerID"),
      NODE_ID("time_sliced_survey_response.surveyed_peer_id", "surveyedPeerID"),
      U32("time_sliced_survey_response.ledger_num", "ledgerNum"),
      ENUM("time_sliced_survey_response.command_type", "commandType", SURVEY_COMMANDS),
      VAR("time_sliced_survey_response.encrypted_body", "encryptedBody", 64000),
      U32("time_sliced_survey_response.nonce", "nonce") }) } },
  [23] = { "TIME_SLICED_SURVEY_START_COLLECTING", STRUCT{
    BRANCH("time_sliced_survey_start_collecting.start_collecting", "startCollecting", STRUCT{
      VAR("time_sliced_survey_start_collecting.signature", "signature", 64),
      NODE_ID("time_sliced_survey_start_collecting.surveyor_id", "surveyorID"),
      U32("time_sliced_survey_start_collecting.nonce", "nonce"),
      U32("time_sliced_survey_start_collecting.ledger_num", "ledgerNum") }) } },
  [24] = { "TIME_SLICED_SURVEY_STOP_COLLECTING", STRUCT{
    BRANCH("time_sliced_survey_stop_collecting.stop_collecting", "stopCollecting", STRUCT{
      VAR("time_sliced_survey_stop_collecting.signature", "signature", 64),
      NODE_ID("time_sliced_survey_stop_collecting.surveyor_id", "surveyorID"),
      U32("time_sliced_survey_stop_collecting.nonce", "nonce"),
      U32("time_sliced_survey_stop_collecting.ledger_num", "ledgerNum") }) } },
}

---------------------------------------------------------------------------------------------------
-- Records

local HEADER, SEQUENCE, MESSAGE, MAC = 4, 4, 12, 32
local SMALLEST = 48
local LARGEST = MAX_RECORD_BYTES

stellar.prefs.keylog = Pref.string("Key log", "", "File with STELLAR_MAC_KEYS lines, as stellar-handshake --keylog writes it: MACs are verified with it")
stellar.prefs.max_mac_bytes = Pref.uint("Largest record whose MAC is verified", 1048576, "In bytes. Lua 5.2 verifies about 1 MB a second, Lua 5.4 five times as much")

local streamOf = Field.new("tcp.stream")
local tcpSeq = Field.new("tcp.seq")
local completeness = Field.new("tcp.completeness")
local lostSegment = Field.new("tcp.analysis.lost_segment")
local retransmission = Field.new("tcp.analysis.retransmission")
local keepAlive = Field.new("tcp.analysis.keep_alive")

-- The state of each TCP connection, each record and each segment. Records and segments are kept because Wireshark shows them again.
local connections, records, segments, keys

local function readKeys(path)
  local found = {}
  if path == "" then return found end
  local file = io.open(path, "r")
  if not file then return found end
  for line in file:lines() do
    local a, b, ab, ba = line:match("^%s*STELLAR_MAC_KEYS (%x+) (%x+) (%x+) (%x+)%s*$")
    if a and #a == 64 and #b == 64 and #ab == 64 and #ba == 64 then
      found[a:lower() .. b:lower()] = { A = unhex(ab), B = unhex(ba) }
    end
  end
  file:close()
  return found
end

function stellar.init()
  connections, records, segments = {}, {}, {}
  keys = readKeys(stellar.prefs.keylog)
end

-- The connection of a packet, and the side of it that sent the packet.
local function sides(pinfo)
  local info = streamOf()
  local id = info and info.value or "none"
  local connection = connections[id]
  if not connection then
    connection = { sides = {}, open = {} }
    connections[id] = connection
  end
  local name = tostring(pinfo.src) .. " " .. pinfo.src_port
  local side = connection.sides[name]
  if not side then
    side = { port = pinfo.src_port, hashes = {} }
    connection.sides[name] = side
  end
  return connection, side
end

local function other(connection, side)
  for _, one in pairs(connection.sides) do if one ~= side then return one end end
end

-- A dialled: it sends the first HELLO. Without a HELLO, B is the side on Stellar's port.
local function roleOf(connection, side)
  local peer = other(connection, side)
  if not side.role and peer and peer.role then return peer.role == "A" and "B" or "A" end
  return side.role or side.port == DEFAULT_PORT and "B" or peer and peer.port == DEFAULT_PORT and "A" or nil
end

-- Length in a record header, without bit 31.
local function lengthAt(tvb, offset)
  return tvb(offset, 4):uint() % 0x80000000
end

-- Whether a record may begin here, by its first 20 bytes, or those that are present: an allowed length,
-- version 0, a known type. `isFirst`: this is the start of the stream, so bit 31 may be clear and the sequence may be any.
local function isRecordStart(tvb, offset, isFirst)
  local left = tvb:len() - offset
  local first = tvb(offset, 1):uint()
  if first ~= 0x80 and first ~= 0x81 and not (isFirst and first < 2) then return false end
  if left < 4 then return true end
  local length = lengthAt(tvb, offset)
  if length % 4 ~= 0 or length < SMALLEST or length > LARGEST then return false end
  if left >= 8 and tvb(offset + 4, 4):uint() ~= 0 then return false end
  if left >= 12 and not isFirst and tvb(offset + 8, 4):uint() ~= 0 then return false end
  return left < 20 or MESSAGES[tvb(offset + 16, 4):int()] ~= nil
end

-- Whether this is the first segment of a stream whose beginning is in the capture: its sequence is relative to the SYN.
local function isStreamStart()
  local sequence, seen = tcpSeq(), completeness()
  return sequence ~= nil and sequence.value == 1 and seen ~= nil and seen.value % 4 ~= 0
end

-- Walks a record body and adds it to the tree, if there is a tree.
-- @return the message if it is malformed, or nil; its offset; the context with the offsets of the fields
local function walk(tvb, stop, tree, isPart)
  local c = { tvb = tvb, stop = stop, isPart = isPart, at = {}, items = 0, depth = 0 }
  local offset = HEADER + MESSAGE + 4
  local message = MESSAGES[tvb(HEADER + MESSAGE, 4):int()]
  if not message then
    if stop > offset then add(c, tree, fPayload, offset, stop - offset) end
    return nil, stop, c
  end
  local ok, result = pcall(message[2], c, offset, tree)
  if not ok then
    if type(result) ~= "string" and result ~= SHORT then result = tostring(result) end
    return result, offset, c
  end
  if result ~= stop then return "bytes are left over", result, c end
  return nil, stop, c
end

local function uintAt(c, path)
  local at = c.at[path]
  return at and c.tvb(at, 4):uint()
end

local function textAt(c, path)
  local at = c.at[path]
  if not at then return nil end
  local length = c.tvb(at, 4):uint()
  return length == 0 and "" or (c.tvb:raw(at + 4, length):gsub("[^\32-\126]", "."))
end

local function rawAt(c, path, count)
  local at = c.at[path]
  return at and c.tvb:raw(at, count)
end

-- The text for a message in the packet list, besides its type.
local SUMMARIES = {
  HELLO = function(c) return textAt(c, "hello.version_str") end,
  ERROR_MSG = function(c)
    local code = c.tvb(c.at["error_msg.code"], 4):int()
    return ("%s: %s"):format(ERROR_CODES[code] or code, textAt(c, "error_msg.msg"))
  end,
  SCP_MESSAGE = function(c)
    local at = c.at["scp_message.slot_index"]
    local slot = c.tvb(at, 4):uint() * 4294967296 + c.tvb(at + 4, 4):uint()
    return ("%s slot %.0f"):format((SCP_STATEMENTS[uintAt(c, "scp_message.type")] or ""):gsub("^SCP_ST_", ""), slot)
  end,
  SEND_MORE_EXTENDED = function(c)
    return ("%d messages, %d bytes"):format(uintAt(c, "send_more_extended.num_messages"), uintAt(c, "send_more_extended.num_bytes"))
  end,
  PEERS = function(c) return ("%d"):format(uintAt(c, "peers.length")) end,
  FLOOD_ADVERT = function(c) return ("%d"):format(uintAt(c, "flood_advert.tx_hashes.length")) end,
  FLOOD_DEMAND = function(c) return ("%d"):format(uintAt(c, "flood_demand.tx_hashes.length")) end,
  DONT_HAVE = function(c) return MESSAGE_NAMES[uintAt(c, "dont_have.req_type")] end,
  GET_SCP_STATE = function(c) return ("%d"):format(uintAt(c, "get_scp_state.ledger_seq")) end,
}

-- Requests and their answers. A request waits under a key until the other side answers it.
local function requestKey(name, c)
  if name == "HELLO" or name == "AUTH" then return name end
  if name == "GET_TX_SET" then return name, hex(rawAt(c, "get_tx_set.tx_set_hash", 32)) end
  if name == "GET_SCP_QUORUMSET" then return name, hex(rawAt(c, "get_scp_quorumset.qset_hash", 32)) end
  if name == "GET_SCP_STATE" then return name, "" end
end

-- Takes the request that a message of a side answers.
local function answered(connection, side, name, c)
  local asker = other(connection, side)
  if not asker then return nil end
  local function take(kind, hash)
    local waiting = asker.hashes[kind]
    if not waiting then return nil end
    for i, request in ipairs(waiting) do
      if hash == nil or request.hash == hash then return table.remove(waiting, i) end
    end
  end
  if name == "HELLO" or name == "AUTH" then return asker[name] and not side[name] and asker[name] end
  -- The hash of a transaction set is not computed: stellar-core answers in the order of the requests.
  if name == "TX_SET" or name == "GENERALIZED_TX_SET" then return take("GET_TX_SET") end
  if name == "SCP_QUORUMSET" then
    local begin = HEADER + MESSAGE + 4
    -- Sets that nodes accept are far smaller; hashing 16 MiB would take seconds.
    if c.stop - begin > 65536 or not asker.hashes.GET_SCP_QUORUMSET then return nil end
    return take("GET_SCP_QUORUMSET", hex(sha256(c.tvb:raw(begin, c.stop - begin))))
  end
  if name == "DONT_HAVE" then
    local kind = MESSAGE_NAMES[uintAt(c, "dont_have.req_type")] == "SCP_QUORUMSET" and "GET_SCP_QUORUMSET" or "GET_TX_SET"
    return take(kind, hex(rawAt(c, "dont_have.req_hash", 32)))
  end
  if name == "SCP_MESSAGE" then return take("GET_SCP_STATE") end
end

-- Everything that depends on the earlier records. It is computed once, when the record is first dissected.
local function follow(pinfo, connection, side, tvb, name, c)
  local record = { frame = pinfo.number, time = pinfo.rel_ts }
  local isRetransmitted = retransmission() ~= nil or keepAlive() ~= nil
  local high, low = tvb(HEADER + SEQUENCE, 4):uint(), tvb(HEADER + SEQUENCE + 4, 4):uint()
  local isSealed = name ~= "HELLO" and name ~= "ERROR_MSG"
  if name == "HELLO" and not side.role then
    local peer = other(connection, side)
    side.role = peer and peer.role == "A" and "B" or "A"
    side.nonce = c.at["hello.nonce"] and hex(rawAt(c, "hello.nonce", 32))
    side.network = c.at["hello.network_id"] and rawAt(c, "hello.network_id", 32)
    if peer and peer.network and side.network and peer.network ~= side.network then record.otherNetwork = true end
  end
  record.role = roleOf(connection, side)
  if isSealed then
    local sequence = high * 4294967296.0 + low
    if side.sequence and sequence ~= side.sequence + 1 then
      if sequence <= side.sequence then record.repeated = true else record.gap = true end
    end
    if not record.repeated then side.sequence = sequence end
  end
  if name and not record.repeated and not isRetransmitted then
    local request = answered(connection, side, name, c)
    if request then
      record.responseTo, record.delta = request.frame, record.time - request.time
      request.responseIn = request.responseIn or record.frame
    end
    local kind, hash = requestKey(name, c)
    if kind then
      record.hash = hash
      if not hash then side[kind] = side[kind] or record
      else
        local waiting = side.hashes[kind] or {}
        side.hashes[kind] = waiting
        waiting[#waiting + 1] = record
        if #waiting > 1000 then table.remove(waiting, 1) end
      end
    end
  end
  record.mac = "none"
  if isSealed then
    local a, b = side, other(connection, side)
    if record.role == "B" then a, b = b, a end
    local pair = a and b and a.nonce and b.nonce and keys[a.nonce .. b.nonce]
    if not pair then record.mac = "no key"
    elseif tvb:len() > stellar.prefs.max_mac_bytes then record.mac = "not verified"
    else
      local covered = tvb:raw(HEADER + SEQUENCE, tvb:len() - HEADER - SEQUENCE - MAC)
      record.mac = hmac(pair[record.role], covered) == tvb:raw(tvb:len() - MAC, MAC) and "good" or "bad"
    end
  end
  return record
end

local function malformed(tree, text)
  tree:add_proto_expert_info(xMalformed, "Malformed record: " .. text)
end

-- Packets with several records show all of them.
local function tell(pinfo, text)
  local private, number = pinfo.private, tostring(pinfo.number)
  if private.stellar == number then pinfo.cols.info:append(", " .. text)
  else
    pinfo.cols.info:set(text)
    private.stellar = number
  end
end

-- One record, header and body.
local function dissectRecord(tvb, pinfo, root, connection, side, length)
  pinfo.cols.protocol:set("Stellar")
  local tree = root:add(stellar, tvb())
  local size = tvb:len()
  local header = tvb(0, math.min(4, size))
  tree:add(fLength, header)
  tree:add(fLast, header)
  local body = size - HEADER
  local stop = size - MAC
  local reason
  if length == 0 or length > LARGEST then reason = ("length %.0f, where 1 to %d are allowed"):format(length, LARGEST)
  elseif length % 4 ~= 0 then reason = "length not a multiple of 4"
  elseif length < SMALLEST then reason = "the input ends early"
  elseif tvb(HEADER, 4):uint() ~= 0 then reason = "unknown union discriminant" end
  if reason then
    malformed(tree, reason)
    if body > 0 then tree:add(fUndecoded, tvb(HEADER)) end
    tree:append_text(", malformed: " .. reason)
    tell(pinfo, "malformed record")
    return size
  end
  local typeRange = tvb(HEADER + MESSAGE, 4)
  local typeNumber = typeRange:int()
  local name = MESSAGE_NAMES[typeNumber]
  tree:add(fVersion, tvb(HEADER, 4))
  local sequenceItem = tree:add(fSequence, tvb(HEADER + SEQUENCE, 8))
  local typeItem = tree:add(fType, typeRange)
  if not name then typeItem:add_proto_expert_info(xUnknown, ("Type %d is not in use"):format(typeNumber)) end
  local branch = tree
  if name then branch = tree:add(fields[name:lower()], tvb(HEADER + MESSAGE, stop - HEADER - MESSAGE)) end
  local wrong, at, c = walk(tvb, stop, branch, false)
  if c.items > MAX_ITEMS then branch:append_text((", the first %d fields of it"):format(MAX_ITEMS)) end
  local text = name or ("type %d"):format(typeNumber)
  if wrong then
    malformed(branch, wrong)
    if at < stop then branch:add(fUndecoded, tvb(at, stop - at)) end
    text = text .. " (malformed)"
  elseif name and SUMMARIES[name] then text = text .. " " .. SUMMARIES[name](c) end
  tree:append_text(", " .. text)
  tell(pinfo, text)
  local macRange = tvb(stop, MAC)
  local macItem = tree:add(fMac, macRange)

  local key = ("%d %d %d"):format(pinfo.number, tvb:offset(), size)
  local record = records[key]
  if not record then
    record = follow(pinfo, connection, side, tvb, not wrong and name or nil, c)
    records[key] = record
  end
  if record.role then tree:add(fFrom, record.role):set_generated() end
  tree:add(fMacStatus, macRange, record.mac):set_generated()
  if record.mac == "bad" then macItem:add_proto_expert_info(xMac) end
  if record.gap then sequenceItem:add_proto_expert_info(xSequence) end
  if record.repeated then sequenceItem:add_proto_expert_info(xRepeated) end
  if record.otherNetwork then tree:add_proto_expert_info(xNetwork) end
  if name == "ERROR_MSG" and not wrong then tree:add_proto_expert_info(xError, text) end
  if record.responseIn then tree:add(fIn, record.responseIn):set_generated() end
  if record.responseTo then
    tree:add(fTo, record.responseTo):set_generated()
    local nanos = math.floor(record.delta * 1e9 + 0.5)
    tree:add(fTime, NSTime.new(math.floor(nanos / 1e9), nanos % 1e9)):set_generated()
  end
  return size
end

-- Length of the record that begins here. A length that is not allowed ends the stream: all remaining bytes belong to it.
local function recordLength(tvb, _, offset)
  local length = lengthAt(tvb, offset)
  if length == 0 or length > LARGEST then return tvb:len() - offset end
  return HEADER + length
end

local function dissectAndMark(tvb, pinfo, root, connection, side)
  local length = lengthAt(tvb, 0)
  -- After a length that is not allowed, the next record must be searched for, as after missing segments.
  if length == 0 or length > LARGEST then side.inStep = false end
  return dissectRecord(tvb, pinfo, root, connection, side, length)
end

-- Offset of the first record in a segment: 0 in a stream without gap so far.
-- @return the offset and true; if there are too few bytes to decide, their offset and false; or nil
local function findRecord(tvb, pinfo, connection, side)
  local key = ("%d %d %d"):format(pinfo.number, tvb:offset(), tvb:len())
  local known = segments[key]
  if known then return known.at, known.isRecord end
  if lostSegment() then side.inStep = false end
  local last = tvb:len() - 20
  local at, isRecord
  if side.inStep then at, isRecord = 0, true
  elseif isStreamStart() then
    -- If the other side is Stellar's, any first bytes of this side count as a record.
    if connection.isStellar or isRecordStart(tvb, 0, true) then at, isRecord = 0, true end
  else
    for offset = 0, tvb:len() - 1 do
      if isRecordStart(tvb, offset, offset == 0 and not side.wasSeen) then
        isRecord = offset <= last
        -- The four bytes of a length alone are not enough to claim a packet.
        if isRecord or connection.isStellar or last + 12 >= offset then at = offset break end
      end
    end
  end
  side.wasSeen = true
  if isRecord and at then side.inStep, connection.isStellar = true, true end
  segments[key] = { at = at, isRecord = at and isRecord }
  return at, isRecord
end

local function skip(tvb, root, count)
  local tree = root:add(stellar, tvb(0, count), "Stellar overlay, bytes before the next record")
  tree:add(fSkipped, tvb(0, count)):add_proto_expert_info(xMidway)
end

function stellar.dissector(tvb, pinfo, root)
  if tvb:len() == 0 then return 0 end
  local connection, side = sides(pinfo)
  local first, isRecord = findRecord(tvb, pinfo, connection, side)
  if not first and not connection.isStellar then return 0 end
  if not isRecord then
    pinfo.cols.protocol:set("Stellar")
    local count = first or tvb:len()
    if count > 0 then skip(tvb, root, count) end
    if first then pinfo.desegment_offset, pinfo.desegment_len = first, DESEGMENT_ONE_MORE_SEGMENT end
    return tvb:len()
  end
  if first > 0 then skip(tvb, root, first) end
  local function dissect(part, info, tree) return dissectAndMark(part, info, tree, connection, side) end
  dissect_tcp_pdus(first == 0 and tvb or tvb(first):tvb(), root, HEADER, recordLength, dissect)
  if first > 0 and pinfo.desegment_len > 0 then pinfo.desegment_offset = pinfo.desegment_offset + first end
  return tvb:len()
end

-- On other ports than Stellar's, the first bytes must be a whole record, or the well-formed beginning of one.
local function heuristic(tvb, pinfo, root)
  if tvb:len() < HEADER + SMALLEST then return false end
  if not isRecordStart(tvb, 0, true) then return false end
  local typeNumber = tvb(HEADER + MESSAGE, 4):int()
  if not MESSAGES[typeNumber] or tvb(HEADER + SEQUENCE, 4):uint() ~= 0 then return false end
  local whole = HEADER + lengthAt(tvb, 0)
  local isPart = tvb:len() < whole
  local wrong = walk(tvb, isPart and tvb:len() or whole - MAC, nil, isPart)
  if wrong and wrong ~= SHORT then return false end
  if not isPart and (typeNumber == 0 or typeNumber == 13) and tvb:raw(whole - MAC, MAC) ~= ("\0"):rep(MAC) then return false end
  pinfo.conversation = stellar
  stellar.dissector(tvb, pinfo, root)
  return true
end

for _, message in pairs(MESSAGES) do field("none", message[1]:lower(), message[1]) end
stellar.fields = fields
stellar.experts = experts
DissectorTable.get("tcp.port"):add(DEFAULT_PORT, stellar)
stellar:register_heuristic("tcp", heuristic)

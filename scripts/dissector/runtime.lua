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

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

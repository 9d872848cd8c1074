/**
 * The uwsgi packet: modifier1, the size of the vars as 16 bits little endian, modifier2, then the vars, each a key and a value
 * with their lengths as 16 bits little endian. The body follows unframed and does not count.
 */

export const PACKET_HEADER_BYTES = 4;
/** The size field has 16 bits. */
export const MAX_VARS_BYTES = 0xffff;
export const MAX_PACKET_BYTES = PACKET_HEADER_BYTES + MAX_VARS_BYTES;

/** Writes the four bytes before the vars, which end at `end`. */
export function writePacketHeader(out: Uint8Array, end: number, modifier1: number, modifier2: number): void {
  const size = end - PACKET_HEADER_BYTES;
  out[0] = modifier1;
  out[1] = size & 0xff;
  out[2] = size >> 8;
  out[3] = modifier2;
}

/** A packet that breaks the protocol; `message` says how. */
export class PacketError extends Error {
  override readonly name = 'PacketError';
}

export interface Packet {
  readonly modifier1: number;
  readonly modifier2: number;
  /** In the order of the packet; a key may stand twice. */
  readonly vars: readonly (readonly [key: string, value: string])[];
  /** Offset of the first body byte. */
  readonly end: number;
}

/**
 * Reads a packet from the start of `bytes`; null when more bytes are needed. As strict as uWSGI's own reader:
 * an empty key and an entry that reaches over the end are faults.
 * @throws {PacketError}
 */
export function readPacket(bytes: Uint8Array): Packet | null {
  if (bytes.length < PACKET_HEADER_BYTES) return null;
  const end = packetEnd(bytes);
  if (bytes.length < end) return null;
  const vars: [string, string][] = [];
  let at = PACKET_HEADER_BYTES;
  while (at < end) {
    const key = readEntry(bytes, at, end);
    if (key.end === at + 2) throw new PacketError('a var has an empty key');
    const value = readEntry(bytes, key.end, end);
    vars.push([key.text, value.text]);
    at = value.end;
  }
  return { modifier1: bytes[0], modifier2: bytes[3], vars, end };
}

/** Where the packet that starts with these four bytes ends. */
export function packetEnd(header: Uint8Array): number {
  return PACKET_HEADER_BYTES + readUint16(header, 1);
}

function readEntry(bytes: Uint8Array, at: number, end: number): { text: string; end: number } {
  if (at + 2 > end) throw new PacketError('a var is cut off');
  const length = readUint16(bytes, at);
  const stop = at + 2 + length;
  if (stop > end) throw new PacketError('a var reaches over the end of the packet');
  return { text: LATIN1.decode(bytes.subarray(at + 2, stop)), end: stop };
}

function readUint16(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8);
}

/** Vars are bytes; each byte becomes the character of its number. */
const LATIN1 = {
  decode(bytes: Uint8Array): string {
    let text = '';
    for (const byte of bytes) text += String.fromCharCode(byte);
    return text;
  },
};

/** Hashes for spreading, not for secrets. The same on every machine and runtime, so that several ugates agree. */

/** 32 bits of a text (FNV-1a over its UTF-16 units, then mixed). */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/** Every bit of the result depends on every bit of both (the finalizer of MurmurHash3, public domain). */
export function hashPair(a: number, b: number): number {
  return mix(a ^ Math.imul(b, 0x9e3779b1));
}

function mix(bits: number): number {
  let hash = bits;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

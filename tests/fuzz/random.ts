/** Randomness that can be had again: everything a run tries follows from its seed. */

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** 0 ≤ n < 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** 0 ≤ n < below. */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  /** Up to `most` places to cut `length` bytes, in order. */
  cuts(length: number, most: number): number[] {
    if (length < 2) return [];
    const places = Array.from({ length: this.below(most + 1) }, () => 1 + this.below(length - 1));
    return [...new Set(places)].sort((a, b) => a - b);
  }
}

/** `text` cut at these places. */
export function pieces(text: string, cuts: readonly number[]): string[] {
  return [...cuts, text.length].map((end, i) => text.slice(i === 0 ? 0 : cuts[i - 1], end));
}

/** For messages. */
export function show(text: string): string {
  return JSON.stringify(text.length > 1000 ? `${text.slice(0, 1000)}…` : text);
}

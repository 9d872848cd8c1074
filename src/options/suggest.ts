/** "Did you mean": the names nearest to one that is unknown. */

/**
 * Up to three of `names` that `text` may have been meant as, the nearest first. A name that continues `text`
 * (`http-keep` for `http-keepalive`) counts as near: uWSGI takes such prefixes, ugate only names them.
 */
export function suggest(text: string, names: Iterable<string>): string[] {
  const wanted = text.toLowerCase().replaceAll('_', '-');
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  const near: { name: string; distance: number }[] = [];
  for (const name of new Set(names)) {
    const distance = wanted.length >= 3 && wanted !== name && name.startsWith(wanted) ? 0.5 : editDistance(wanted, name);
    if (distance <= limit) near.push({ name, distance });
  }
  near.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1));
  // A clear winner stands alone; names that are just as near stand beside it.
  const best = near[0]?.distance ?? 0;
  return near
    .filter(({ distance }) => distance <= (best === 0 ? 0 : best + 0.5))
    .slice(0, 3)
    .map(({ name }) => name);
}

/** `did you mean "a"?`, `did you mean "a" or "b"?`; null when nothing is near. `prefix` goes before each name. */
export function didYouMean(text: string, names: Iterable<string>, prefix = ''): string | null {
  const near = suggest(text, names).map((name) => `"${prefix}${name}"`);
  if (near.length === 0) return null;
  const last = near.pop();
  return `did you mean ${near.length === 0 ? last : `${near.join(', ')} or ${last}`}?`;
}

/** Insertions, deletions, changes and swaps of neighbours that turn `a` into `b` (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const change = a[row - 1] === b[column - 1] ? 0 : 1;
      let best = Math.min(last[column] + 1, current[column - 1] + 1, last[column - 1] + change);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) best = Math.min(best, beforeLast[column - 2] + 1);
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length];
}

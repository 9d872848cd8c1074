/** The highest descriptor an accepted connection may have where `limit` may be open, so that some are left for files and outgoing connections. */
export function highestAccepted(limit: number | null): number {
  return limit === null ? Number.POSITIVE_INFINITY : limit - 1 - Math.min(64, limit >> 4);
}

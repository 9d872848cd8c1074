import { FflateGzipEngine } from './fflate-gzip.ts';
import { type GzipEngine, type GzipEngineName, MAX_GZIP_STREAMS } from './gzip.ts';
import { NativeGzipEngine } from './native-gzip.ts';
import { nativeGzipFault } from './native-probe.ts';

/** `--http-gzip-engine`. */
export type GzipEngineChoice = 'auto' | GzipEngineName;

/**
 * The cheaper engine by runtime, as bench/gzip.ts measures it. Native zlib is the cheaper one everywhere, driven synchronously: 3 to
 * 30 times for 240-byte events, 1.2 to 8 times for pages, at a like ratio where the level is 2 or more.
 */
const CHEAPER: Readonly<Record<'bun' | 'deno' | 'node', GzipEngineName>> = { bun: 'native', deno: 'native', node: 'native' };

/**
 * The engine for `--http-gzip-engine` and `--http-gzip-level`.
 * Native zlib that cannot be driven synchronously here is replaced by fflate; the engine's `notice` says so.
 * @param level 1 (fast) to 9 (small)
 * @param maxStreams how many may be open at one time, 1,024 by default
 */
export function makeGzipEngine(
  choice: GzipEngineChoice,
  level: number,
  runtime: 'bun' | 'deno' | 'node',
  maxStreams: number = MAX_GZIP_STREAMS,
): GzipEngine {
  const name = choice === 'auto' ? CHEAPER[runtime] : choice;
  if (name === 'fflate') return new FflateGzipEngine(level, maxStreams, null);
  const fault = nativeGzipFault(level);
  if (fault === null) return new NativeGzipEngine(level, maxStreams);
  return new FflateGzipEngine(level, maxStreams, `native gzip does not work on this ${runtime} (${fault}): fflate is used, which costs more CPU`);
}

import { hostname } from 'node:os';
import type { TcpAddress, UnixAddress } from '../net/address.ts';
import { datagram } from './datagram.ts';
import { onSignal, openFilesLimit, resolve, tempDirectory } from './host.ts';
import { spawn } from './process.ts';

/** What the three runtimes do alike, by the node modules that all of them carry. Where one differs, its adapter says so. */
export class CommonRuntime {
  readonly datagram = datagram;
  readonly resolve = resolve;
  readonly spawn = spawn;
  readonly onSignal = onSignal;

  hostname(): string | null {
    return hostname();
  }

  openFilesLimit(): number | null {
    return openFilesLimit();
  }

  tempDirectory(): string | null {
    return tempDirectory();
  }

  async permitConnect(_to: TcpAddress | UnixAddress): Promise<void> {}

  explain(error: unknown): unknown {
    return error;
  }

  exit(code: number): never {
    process.exit(code);
  }

  now(): number {
    return performance.now();
  }
}

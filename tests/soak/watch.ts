/** What a process holds, from /proc: memory and descriptors by the second, and the line through them. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface Sample {
  /** Seconds since the watch began. */
  readonly at: number;
  /** Resident memory in MiB. */
  readonly rss: number;
  readonly descriptors: number;
}

export class Watch {
  readonly samples: Sample[] = [];
  readonly #pid: number;
  readonly #began = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;

  /** @param onSample told each second */
  constructor(pid: number, onSample: (sample: Sample) => void) {
    this.#pid = pid;
    this.#timer = setInterval(() => {
      const sample = this.look();
      if (sample === null) return;
      this.samples.push(sample);
      onSample(sample);
    }, 1000);
  }

  /** Null when the process is gone. */
  look(): Sample | null {
    try {
      const status = readFileSync(`/proc/${this.#pid}/status`, 'utf8');
      const rss = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
      return { at: (performance.now() - this.#began) / 1000, rss, descriptors: readdirSync(`/proc/${this.#pid}/fd`).length };
    } catch {
      return null;
    }
  }

  /** How many descriptors of which kind, for a message. */
  descriptors(): string {
    const counts = new Map<string, number>();
    for (const fd of readdirSync(`/proc/${this.#pid}/fd`)) {
      const what = this.#target(fd).replace(/:?\[\d+\]$/, '');
      counts.set(what, (counts.get(what) ?? 0) + 1);
    }
    return [...counts].map(([what, count]) => `${what} ${count}`).join(', ');
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #target(fd: string): string {
    try {
      return readlinkSync(`/proc/${this.#pid}/fd/${fd}`);
    } catch {
      return 'gone';
    }
  }
}

/** The slope of the line that fits best (least squares), in MiB a minute. */
export function slopeOf(samples: readonly Sample[]): number {
  if (samples.length < 2) return Number.NaN;
  const mean = (of: (sample: Sample) => number): number => samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [at, rss] = [mean((sample) => sample.at), mean((sample) => sample.rss)];
  const across = samples.reduce((sum, sample) => sum + (sample.at - at) * (sample.rss - rss), 0);
  const along = samples.reduce((sum, sample) => sum + (sample.at - at) ** 2, 0);
  return (across / along) * 60;
}

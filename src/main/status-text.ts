import type { MasterStatus } from '../master/status.ts';
import type { WorkerStatus } from '../master/workers.ts';

/** What the master tells of itself (SIGUSR1, `s` in the FIFO), for people: one line for it and one for each of its processes, in columns. */
export function formatStatus({ version, pid, uptime, generation, isPaused, routers, workers }: MasterStatus): string[] {
  const rows = [
    ...routers.map((router) => [
      `router ${router.id}`,
      `pid ${router.pid}`,
      count(router.requests, 'request'),
      `${count(router.connections, 'connection')}, ${router.running} running`,
    ]),
    ...workers.map((worker) => [
      `worker ${worker.id}`,
      `pid ${worker.pid}`,
      count(worker.requests, 'request'),
      [worker.state, ...workOf(worker)].join(', '),
    ]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => row[column]!.length)));
  return [
    `${version}, pid ${pid}, up ${formatSpan(uptime)}, generation ${generation}${isPaused ? ', paused' : ''}`,
    ...rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')),
  ];
}

function workOf({ running, request, since }: WorkerStatus): string[] {
  if (request !== null) return [since === null ? request : `${request} for ${since.toFixed(1)} s`];
  return running === 0 ? [] : [`${running} requests`];
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** `3 s`, `2 min 3 s`, `1 h 0 min`, `4 d 1 h`: the two largest units. */
function formatSpan(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const units: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ];
  const largest = units.findIndex(([value]) => value > 0);
  const shown = largest === -1 ? units.slice(-1) : units.slice(largest, largest + 2);
  return shown.map(([value, unit]) => `${value} ${unit}`).join(' ');
}

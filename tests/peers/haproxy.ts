/** HAProxy in front of a router, or behind one as an HTTP node; stopped by its pid. */

import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { findTool, freePort, temporaryFolder } from '../support/paths.ts';
import { startProcess } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

export interface Haproxy extends AsyncDisposable {
  /** Of each section, by its name. */
  readonly ports: Readonly<Record<string, number>>;
}

/** Each section listens on a port of its own, of 127.0.0.1 and of ::1. */
export async function startHaproxy(sections: Readonly<Record<string, HaproxySection>>): Promise<Haproxy> {
  const folder = temporaryFolder();
  const ports: Record<string, number> = {};
  const texts: string[] = [];
  for (const [name, { bind = '', lines }] of Object.entries(sections)) {
    const port = await freePort();
    ports[name] = port;
    texts.push(`listen ${name}`, `  bind 127.0.0.1:${port} ${bind}`, `  bind [::1]:${port} ${bind}`, ...lines.map((line) => `  ${line}`));
  }
  const defaults = ['defaults', '  mode tcp', '  timeout connect 5s', '  timeout client 20s', '  timeout server 20s'];
  writeFileSync(folder.file('haproxy.cfg'), `${[...defaults, ...texts].join('\n')}\n`);
  // Debian keeps it where a user's PATH does not look.
  const started = startProcess([findTool('haproxy') ?? '/usr/sbin/haproxy', '-db', '-f', folder.file('haproxy.cfg')]);
  const stop = async (): Promise<void> => {
    await started.stop();
    await folder[Symbol.asyncDispose]();
  };
  try {
    for (const port of Object.values(ports)) {
      await waitFor('HAProxy to listen', () => (started.running ? canConnect(port) : Promise.reject(new Error(`HAProxy ended: ${started.stderr}`))));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { ports, [Symbol.asyncDispose]: stop };
}

export interface HaproxySection {
  /** Behind the address, such as `accept-proxy`. */
  readonly bind?: string;
  /** Such as `server a 127.0.0.1:80 send-proxy`. */
  readonly lines: readonly string[];
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('connect', () => socket.destroy());
    socket.on('error', () => resolve(false));
    socket.on('close', (hadError) => resolve(!hadError));
  });
}

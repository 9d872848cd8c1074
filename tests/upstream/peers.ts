/** Real servers as HTTP nodes, each stopped by its pid. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { findTool, type TemporaryFolder, temporaryFolder } from '../support/paths.ts';
import { python } from '../support/peers.ts';
import { startProcess } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

export interface HttpPeer extends AsyncDisposable {
  /** As `http-to` wants it. */
  readonly address: string;
}

export interface Nginx extends HttpPeer {
  /** The same nginx where it wants a PROXY header first; it answers with what that tells, the number of the connection and X-Forwarded-For. */
  readonly proxied: string;
  readonly folder: TemporaryFolder;
  /** Lines of `connection method target status`, once there are `count`. */
  log(count: number): Promise<string[]>;
}

/** nginx on a unix socket: `/files/` with PUT and DELETE, the same files as chunks under `/chunked/`, `/204`, and a line of text elsewhere. */
export async function startNginx(): Promise<Nginx> {
  const folder = temporaryFolder();
  const [config, log] = [folder.file('nginx.conf'), folder.file('access.log')];
  const [socket, proxied] = [folder.file('n.sock'), folder.file('p.sock')];
  mkdirSync(folder.file('files'));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder.file(name)};`).join(' ');
  writeFileSync(
    config,
    `daemon off; master_process off; pid ${folder.file('pid')}; error_log stderr; user root;
events { worker_connections 100; }
http {
  ${temporary}
  log_format brief '$connection $request_method $request_uri $status';
  access_log ${log} brief;
  client_max_body_size 100m;
  server {
    listen unix:${socket};
    location / { return 200 "$host $http_x_forwarded_for $http_x_forwarded_proto\\n"; }
    location /204 { return 204; }
    location /files/ { root ${folder.path}; dav_methods PUT DELETE; dav_access user:rw; }
    location /chunked/ { alias ${folder.file('files')}/; sub_filter 'not in any file' ''; sub_filter_types *; }
  }
  server {
    listen unix:${proxied} proxy_protocol;
    location / { return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_port $connection $http_x_forwarded_for"; }
  }
}
`,
  );
  const started = startProcess([findTool('nginx') ?? '/usr/sbin/nginx', '-e', 'stderr', '-c', config, '-p', folder.path]);
  await waitFor('nginx to listen', () => {
    if (!started.running) throw new Error(`nginx ended: ${started.stderr}`);
    return existsSync(socket) && existsSync(folder.file('pid'));
  });
  return {
    address: `http:${socket}`,
    proxied: `http:${proxied}`,
    folder,
    log: (count) =>
      waitFor(`${count} lines in nginx's log`, () => {
        const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1);
        return lines.length >= count ? lines : null;
      }),
    async [Symbol.asyncDispose]() {
      await started.stop('SIGQUIT');
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** A Python program that says `port N` on standard error once it listens. */
export async function startPython(source: string): Promise<HttpPeer> {
  const started = startProcess([python(), '-c', source]);
  const [, port] = await started.said(/port (\d+)/);
  return { address: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => started[Symbol.asyncDispose]() };
}

/** A reason to skip, or false. */
export function needWebsockets(): string | false {
  const isHere = spawnSync(python(), ['-c', 'import websockets']).status === 0;
  return isHere ? false : 'websockets is not installed (apt-get install python3-websockets)';
}

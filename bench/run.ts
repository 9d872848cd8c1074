/**
 * `npm run bench -- [--rounds N] [--seconds S] [--only TEXT] [--on TEXT]`: the routers (routers.ts), each in front of the same backend.
 * `npm run bench -- --apps …`: embedded apps (apps.ts) on ugate, on each runtime's own server, on uWSGI and on gunicorn.
 *
 * What is measured has core 0 for itself; backend and load share core 1. `--only` takes the workloads, `--on` the contestants with that
 * text in their names. Apps know more: `--processes N` of the WSGI servers (2), `--binary FILE` (dist/ugate), `--native` adds
 * `http-socket-engine=native`, `--both-cores` lets the WSGI servers run on core 1 too.
 *
 * Wants `taskset` and `wrk`; for routers `cc`, `h2load`, `curl`, `nginx`, `haproxy`, `uwsgi` (Debian: gcc util-linux wrk nghttp2-client
 * curl nginx-light haproxy uwsgi-core); for apps `npm`, `uwsgi`, `gunicorn`, Flask and Django of the machine's own Python (Debian: uwsgi-core
 * uwsgi-plugin-python3 gunicorn python3-flask python3-django). Who is not installed is left out by name. Writes Markdown tables to stdout,
 * progress to stderr.
 */

import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    only: { type: 'string', default: '' },
    on: { type: 'string', default: '' },
    apps: { type: 'boolean', default: false },
    processes: { type: 'string', default: '2' },
    binary: { type: 'string', default: new URL('../dist/ugate', import.meta.url).pathname },
    native: { type: 'boolean', default: false },
    'both-cores': { type: 'boolean', default: false },
  },
});
const { only, on, binary } = values;
// A few rounds of seconds tell more than one long one; apps are many.
const rounds = Number(values.rounds ?? (values.apps ? 3 : 5));
const seconds = Number(values.seconds ?? (values.apps ? 1 : 3));

if (values.apps) {
  const { benchApps } = await import('./apps.ts');
  const appOptions = { processes: Number(values.processes), binary, hasNative: values.native, isOnBothCores: values['both-cores'] };
  await benchApps({ rounds, seconds, only, on, ...appOptions });
} else {
  const { benchRouters } = await import('./routers.ts');
  await benchRouters({ rounds, seconds, only, on });
}

/** The fields of the configuration that are about the app, its workers and the process tree. */

import { nodeOs } from '../builtin/modules.ts';
import type { ListenAddress } from '../net/address.ts';
import type { Setting } from './settings.ts';
import type { Given, Values } from './values.ts';

/**
 * The app to run. `any`: what `module` names may be a Python module or a JavaScript one, which shows where it is looked for;
 * `wsgi`: it is Python's, the user wrote `wsgi`. A module may end in `:NAME`.
 */
export type AppConfig = { readonly kind: 'any' | 'wsgi'; readonly module: string } | { readonly kind: 'wsgi-file'; readonly file: string };

/** One address of `http-socket` or `http11-socket`. */
export interface HttpSocket {
  readonly address: ListenAddress;
  readonly isHttp11: boolean;
}

/** All times are milliseconds. Paths are as they were written: `chdir` is not put before them. */
export interface AppFields {
  /** `module`, `wsgi` or `wsgi-file`; null runs no app. */
  readonly app: AppConfig | null;
  readonly hasApp: boolean;
  /** The name of the app in its module; it wins over a name in `module`. */
  readonly callable: string | null;
  /** The virtualenv; null is the machine's Python. */
  readonly home: string | null;
  readonly pythonPath: readonly string[];
  /** null is the directory ugate was started in. */
  readonly chdir: string | null;
  /** For the app's environment, in order. */
  readonly env: readonly (readonly [name: string, value: string])[];
  readonly needApp: boolean;
  readonly lazyApps: boolean;
  /** A master process watches the others: given, or implied by what only a master can do. */
  readonly master: boolean;
  /** App workers, 1 and more; without an app there are none all the same. */
  readonly processes: number;
  /** Threads of one Python worker, 1 and more. */
  readonly threads: number;
  /** Router processes, 1 and more; `auto` is resolved. */
  readonly httpProcesses: number;
  /** 0 is no limit. */
  readonly maxRequests: number;
  /** 0 is no limit. */
  readonly maxWorkerLifetime: number;
  /** `listen`: the backlog of listening sockets. */
  readonly listenBacklog: number;
  /** How long one request may take; 0 is no limit. */
  readonly harakiri: number;
  /** In the order of appearance. */
  readonly httpSockets: readonly HttpSocket[];
  readonly httpSocketEngine: 'ugate' | 'native';
  /** How long an idle connection of `http-socket` is kept; 0, closing after each answer, unless `http-keepalive` was given. */
  readonly httpSocketKeepalive: number;
  readonly httpSocketModifier1: number;
  readonly httpSocketModifier2: number;
  /** `socket`: addresses that speak the uwsgi protocol. */
  readonly uwsgiSockets: readonly ListenAddress[];
  /** `http` sends requests to the app though there are nodes; the number is that of a `socket`. null when not given. */
  readonly httpUseSocket: number | null;
  readonly touchReload: readonly string[];
  readonly touchWorkersReload: readonly string[];
  readonly touchChainReload: readonly string[];
  readonly masterFifo: readonly string[];
  readonly workerReloadMercy: number;
  readonly pidfile: string | null;
  readonly pidfile2: string | null;
  readonly safePidfile: string | null;
  /** Remove pid files and socket files at the end. */
  readonly vacuum: boolean;
  /** Directories to watch for changes; empty is the app's own, null watches nothing. */
  readonly watch: readonly string[] | null;
}

/** `keepalive` is that of `http`, in ms. */
export function appFieldsOf(values: Values, keepalive: number): AppFields {
  const app = appOf(values);
  return {
    app,
    hasApp: app !== null,
    callable: values.last('callable') ?? null,
    home: values.last('home') ?? null,
    pythonPath: listOf(values.all('pythonpath')),
    chdir: values.last('chdir') ?? null,
    env: listOf(values.all('env')),
    needApp: values.last('need-app'),
    lazyApps: values.last('lazy-apps'),
    master: values.last('master') || impliedBy(values) !== null,
    processes: values.last('processes'),
    threads: values.last('threads'),
    httpProcesses: httpProcessesOf(values),
    maxRequests: values.last('max-requests'),
    maxWorkerLifetime: values.last('max-worker-lifetime'),
    listenBacklog: values.last('listen'),
    harakiri: values.last('harakiri'),
    httpSockets: httpSocketsOf(values),
    httpSocketEngine: values.last('http-socket-engine'),
    httpSocketKeepalive: values.all('http-keepalive').length > 0 ? keepalive : 0,
    httpSocketModifier1: values.last('http-socket-modifier1'),
    httpSocketModifier2: values.last('http-socket-modifier2'),
    uwsgiSockets: listOf(values.all('socket')),
    httpUseSocket: values.last('http-use-socket') ?? null,
    touchReload: listOf(values.all('touch-reload')),
    touchWorkersReload: listOf(values.all('touch-workers-reload')),
    touchChainReload: listOf(values.all('touch-chain-reload')),
    masterFifo: listOf(values.all('master-fifo')),
    workerReloadMercy: values.last('worker-reload-mercy'),
    pidfile: values.last('pidfile') ?? null,
    pidfile2: values.last('pidfile2') ?? null,
    safePidfile: values.last('safe-pidfile') ?? null,
    vacuum: values.last('vacuum'),
    watch: watchOf(values),
  };
}

/** That there is an app; which one may be wrong still. */
export function hasApp(values: Values): boolean {
  return values.all('module').length + values.all('wsgi-file').length > 0;
}

/** The setting that needs a master process though `master` need not be given; null when there is none. */
export function impliedBy(values: Values): Setting | null {
  const needs: { readonly setting: Setting }[] = [
    ...(['touch-reload', 'touch-workers-reload', 'touch-chain-reload', 'master-fifo'] as const).flatMap((name) => values.all(name)),
    ...values.all('http-processes').filter(() => httpProcessesOf(values) > 1),
  ];
  if (hasApp(values)) {
    needs.push(...values.all('processes').filter(() => values.last('processes') > 1));
    needs.push(...(['harakiri', 'max-requests', 'max-worker-lifetime'] as const).flatMap((name) => (values.last(name) > 0 ? values.all(name) : [])));
    needs.push(...values.all('lazy-apps').filter(() => values.last('lazy-apps')));
    needs.push(...values.all('watch').filter(() => watchOf(values) !== null));
  }
  return needs.at(-1)?.setting ?? null;
}

function appOf(values: Values): AppConfig | null {
  const file = values.last('wsgi-file');
  if (file !== undefined) return Object.freeze({ kind: 'wsgi-file', file });
  const given = values.all('module').at(-1);
  if (given === undefined) return null;
  return Object.freeze({ kind: given.setting.name === 'wsgi' ? 'wsgi' : 'any', module: given.value });
}

function httpProcessesOf(values: Values): number {
  const count = values.last('http-processes');
  return count === 'auto' ? nodeOs().availableParallelism() : count;
}

function httpSocketsOf(values: Values): readonly HttpSocket[] {
  const sockets = values.inOrder('http-socket', 'http11-socket');
  return Object.freeze(
    sockets.map(({ value, setting }) => Object.freeze({ address: Object.freeze(value), isHttp11: setting.option.name === 'http11-socket' })),
  );
}

function watchOf(values: Values): readonly string[] | null {
  const given = values.all('watch').map(({ value }) => value);
  const off = given.lastIndexOf(false);
  const wanted = given.slice(off + 1);
  return wanted.length === 0 ? null : Object.freeze(wanted.filter((value) => typeof value === 'string'));
}

function listOf<T>(given: readonly Given<T>[]): readonly T[] {
  return Object.freeze(given.map(({ value }) => Object.freeze(value) as T));
}

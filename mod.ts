/**
 * ugate: an HTTP edge server. Run as a program it reads its command line; imported it offers the parts to run it from code.
 * @module
 */

import { HeldSignals } from './src/runtime/held-signals.ts';

export type { FetchHandler } from './src/app/fetch-handler.ts';
export type { RouterOptions } from './src/main/api.ts';
export type { Server } from './src/main/serve.ts';
export type { Config } from './src/options/config.ts';
export type { Settings } from './src/options/read-config.ts';

// Loading takes some runtimes a third of a second, in which a signal would end the program: all else is loaded behind this line.
const signals = import.meta.main ? new HeldSignals() : null;

export const { createRouter, defineConfig } = await import('./src/main/api.ts');

if (signals !== null) await (await import('./src/main/cli.ts')).main(process.argv.slice(2), signals);

import type { AppHost, CarriedModules } from '../seam/apps.ts';
import { startNative } from './native-server.ts';
import { serveOnNode } from './node-http.ts';

/** Marks a process in which modules have been offered. */
const OFFERED = Symbol.for('ugate.modules');

/** Apps on Node. */
export const NODE_APPS: AppHost = {
  offerModules: (_path, carried) => offerOnNode(carried),
  isSyntaxUnknown: (error) => (error as { code?: string } | null)?.code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
  // None of Node's own code takes any.
  takesResponsesOnDemand: () => true,
  serve: (address, { onNode }, options) => startNative(address, options, () => serveOnNode(address, onNode, options)),
};

/** Asked only for what was not found. */
function offerOnNode(carried: CarriedModules): void {
  if (OFFERED in globalThis) return;
  Object.defineProperty(globalThis, OFFERED, { value: true });
  process.getBuiltinModule('node:module').registerHooks({
    resolve(specifier, context, next) {
      try {
        return next(specifier, context);
      } catch (error) {
        if (!(specifier in carried)) throw error;
        return { url: import.meta.resolve(specifier), shortCircuit: true };
      }
    },
  });
}

/**
 * Modules of the runtime that a start may do without. One that is imported is loaded at the start of every binary: `node:fs` alone
 * takes 1 ms of 15. Modules that are themselves imported on demand may import them.
 */

export function nodeFs(): typeof import('node:fs') {
  return process.getBuiltinModule('node:fs');
}

export function nodeOs(): typeof import('node:os') {
  return process.getBuiltinModule('node:os');
}

export function nodePath(): typeof import('node:path') {
  return process.getBuiltinModule('node:path');
}

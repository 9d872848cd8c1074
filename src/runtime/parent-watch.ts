/** How often the thread looks, in ms: a second at most may pass between the parent's death and ours. */
const INTERVAL = 300;

/**
 * Kills this process once its parent is no longer `parent`, from a thread: the app may block the event loop.
 * The thread's program is text, because a compiled binary has no file for it.
 */
export function watchParent(parent: number): void {
  const { Worker } = process.getBuiltinModule('node:worker_threads');
  const program = `setInterval(() => { if (process.ppid !== ${parent}) process.kill(process.pid, 'SIGKILL'); }, ${INTERVAL});`;
  const limits = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 };
  new Worker(program, { eval: true, resourceLimits: limits, stdin: false, env: {}, execArgv: [] }).unref();
}

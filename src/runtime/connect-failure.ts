import type { ConnectFailure, ConnectFailureReason } from './seam/sockets.ts';

const REASONS: Record<string, ConnectFailureReason> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'refused',
  ENOENT: 'missing',
  ENOTDIR: 'missing',
  EAGAIN: 'busy',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETDOWN: 'unreachable',
  ETIMEDOUT: 'timeout',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  EAI_NONAME: 'dns',
  ENODATA: 'dns',
};

/** The failure for a system code such as `ECONNREFUSED`. A code we do not know is our own fault: `local`. */
export function connectFailure(code: string): ConnectFailure {
  return { reason: REASONS[code] ?? 'local', code };
}

/** The system code of an error a runtime threw, or `fallback` when it carries none. */
export function errorCode(error: unknown, fallback: string): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && code !== '' ? code : fallback;
}

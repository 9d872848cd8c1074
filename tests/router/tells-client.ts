/** A node that answers with what it was told of the client. */

import type { Script } from '../support/uwsgi-backend.ts';

/** `REMOTE_ADDR REMOTE_PORT HTTPS`, and `-` without HTTPS. */
export const tellsClient: Script = async (received, to) => {
  await received.complete();
  const { vars } = received;
  const text = `${vars.get('REMOTE_ADDR')} ${vars.get('REMOTE_PORT')} ${vars.get('HTTPS') ?? '-'}`;
  await to.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
};

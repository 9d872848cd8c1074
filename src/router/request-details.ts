import { latin1 } from '../http1/bytes.ts';
import { FIELD } from '../http1/field-names.ts';
import { MAX_FIELD_BYTES } from '../http1/fields.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { Details } from '../log/log.ts';

/** What a line of the log tells of a request. Of one that was refused in the middle of its head: what had been read by then. */
export function requestDetails(head: RequestHead): Details {
  if (!head.hasLine) return { host: hostLine(head) };
  const { bytes } = head;
  return {
    method: latin1(bytes, head.methodStart, head.methodEnd),
    target: latin1(bytes, head.targetStart, head.targetEnd),
    host: head.hostEnd > head.hostStart ? latin1(bytes, head.hostStart, head.hostEnd) : (hostField(head) ?? hostLine(head)),
  };
}

/** The first Host, be it none that could be served. */
function hostField({ bytes, fields }: RequestHead): string | undefined {
  for (let i = 0; i < fields.count; i++) if (fields.id(i) === FIELD.host) return latin1(bytes, fields.valueStart(i), fields.valueEnd(i));
  return undefined;
}

/** The first Host in what had come, behind where it was refused: no field is looked for there. */
function hostLine({ bytes, end, refusal }: RequestHead): string | undefined {
  if (refusal === null) return undefined;
  return /\nhost:[ \t]*([^\r\n]*)/i.exec(latin1(bytes, 0, Math.min(end, MAX_FIELD_BYTES)))?.[1];
}

import { latin1 } from '../http1/bytes.ts';
import { FIELD } from '../http1/field-names.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { Details } from '../log/log.ts';

/** What a line of the log tells of a request. Of one that was refused in the middle of its head: what had been read by then. */
export function requestDetails(head: RequestHead): Details {
  if (!head.hasLine) return {};
  const { bytes } = head;
  return {
    method: latin1(bytes, head.methodStart, head.methodEnd),
    target: latin1(bytes, head.targetStart, head.targetEnd),
    host: head.hostEnd > head.hostStart ? latin1(bytes, head.hostStart, head.hostEnd) : hostField(head),
  };
}

/** The first Host, be it none that could be served. */
function hostField({ bytes, fields }: RequestHead): string | undefined {
  for (let i = 0; i < fields.count; i++) if (fields.id(i) === FIELD.host) return latin1(bytes, fields.valueStart(i), fields.valueEnd(i));
  return undefined;
}

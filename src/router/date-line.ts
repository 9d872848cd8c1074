import { AddedFields, fieldName } from '../http1/added-fields.ts';
import type { ResponseHead } from '../http1/response-head.ts';

const DATE = fieldName('Date');

/** The `Date` field of this second (RFC 9110 6.6.1), its bytes made once a second. */
export class DateLine {
  #second = -1;
  readonly #field = new AddedFields();

  line(): AddedFields {
    const now = Date.now();
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#field.clear();
      this.#field.add(DATE, new Date(now).toUTCString());
    }
    return this.#field;
  }

  /** For an answer that has none; null for one that has, or that needs none. */
  for(head: ResponseHead): AddedFields | null {
    return head.hasDate || head.status < 200 ? null : this.line();
  }
}

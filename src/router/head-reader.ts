import type { Failure } from '../failure/failures.ts';
import { PARSE, type ParseState } from '../http1/fields.ts';
import type { Prelude } from './prelude.ts';
import type { RequestBuffer, RequestBuffers } from './request-buffer.ts';
import type { ServiceSettings } from './service.ts';

const NONE = new Uint8Array(0);

/** By what heads are read, and into what. */
export interface HeadRules {
  readonly requestBuffers: RequestBuffers;
  readonly settings: Pick<ServiceSettings, 'manageExpect' | 'manageRtsp' | 'manageSource' | 'rawTarget'>;
}

/** Finds the heads of requests in the bytes of a connection, one after the other. */
export interface HeadReader {
  /** Of the request that is read or answered, from its first byte on; null between requests. */
  readonly buffer: RequestBuffer | null;
  /** What the last `read` came to. */
  readonly state: ParseState;
  /** Why, when it was refused; null also when there is nothing wrong with what came, and only no request in it. */
  readonly refusal: Failure | null;
  /** What was broken, for the log. */
  readonly rule: string;
  /** All that is to be written before the connection closes, when what was refused is no request that could be answered; else null. */
  readonly lastWords: Uint8Array | null;
  /** Reads on, with what holds for the request; returns the bytes behind those it took. */
  read(bytes: Uint8Array, rules: HeadRules): Uint8Array;
  /** The request is over: what it held is free. */
  release(rules: HeadRules): void;
  /** The next byte begins another request. */
  reopen(): void;
}

/** The heads of HTTP. */
export class HttpHeadReader implements HeadReader {
  buffer: RequestBuffer | null = null;
  state: ParseState = PARSE.incomplete;
  refusal: Failure | null = null;
  readonly lastWords = null;
  readonly #prelude: Prelude | null;

  /** @param prelude what may stand before the second request, and later ones; null for nothing */
  constructor(prelude: Prelude | null) {
    this.#prelude = prelude;
  }

  get rule(): string {
    return this.#prelude?.refusal != null ? this.#prelude.rule : (this.refusal?.rule ?? '');
  }

  read(bytes: Uint8Array, rules: HeadRules): Uint8Array {
    if (this.#prelude === null) return this.#parse(bytes, rules);
    const rest = this.#prelude.read(bytes);
    if (rest !== null && rest.length > 0) return this.#parse(rest, rules);
    this.refusal = this.#prelude.refusal;
    this.state = this.refusal === null ? PARSE.incomplete : PARSE.refused;
    return NONE;
  }

  release({ requestBuffers }: HeadRules): void {
    if (this.buffer === null) return;
    requestBuffers.give(this.buffer);
    this.buffer = null;
  }

  reopen(): void {
    this.#prelude?.reopen();
  }

  #parse(bytes: Uint8Array, { requestBuffers, settings }: HeadRules): Uint8Array {
    this.buffer ??= requestBuffers.take();
    const { buffer } = this;
    const { head } = buffer;
    const before = buffer.length;
    // Usually a head comes whole: it is read where it lies, and only its own bytes are kept.
    const isFresh = before === 0;
    const taken = isFresh ? 0 : buffer.append(bytes);
    const { manageExpect } = settings;
    this.state = isFresh ? head.parse(bytes, bytes.length, manageExpect, settings) : head.parse(buffer.bytes, buffer.length, manageExpect, settings);
    if (this.state === PARSE.complete) {
      const used = head.end - before;
      const isAll = used === bytes.length;
      // A view of fresh bytes costs the runtime more than their copy: where nothing follows the head, none is made.
      if (isFresh) buffer.append(isAll ? bytes : bytes.subarray(0, used));
      head.bytes = buffer.bytes;
      return isAll ? NONE : bytes.subarray(used);
    }
    if (this.state === PARSE.refused) {
      this.refusal = head.refusal;
      return NONE;
    }
    const kept = isFresh ? buffer.append(bytes) : taken;
    // Whoever refuses it later, such as when its time is over, tells what was read of it.
    head.bytes = buffer.bytes;
    return bytes.subarray(kept);
  }
}

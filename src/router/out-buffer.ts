import { MAX_RESPONSE_HEAD_BYTES } from '../http1/response-head.ts';
import { MAX_ADDED_BYTES } from '../http1/response-writer.ts';

/** Holds any head, and beside it a body piece worth copying to save a system call: a chunk of what adapters read at once (128 KiB). */
const CAPACITY = 256 * 1024;

/**
 * Where an answer is gathered during one event, so that head, framing and body go out in one write.
 * One serves all connections: whoever writes into it empties it before its event ends.
 */
export class OutBuffer {
  readonly bytes = new Uint8Array(CAPACITY);
  length = 0;

  /** True when a head of any size fits behind what is there, with so many bytes of fields of ours. */
  hasRoomForHead(added: number): boolean {
    return this.has(MAX_RESPONSE_HEAD_BYTES + MAX_ADDED_BYTES + added);
  }

  has(bytes: number): boolean {
    return this.length + bytes <= CAPACITY;
  }
}

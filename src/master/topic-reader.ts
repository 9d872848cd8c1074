import type { TopicMessage, TopicState } from './topic-hub.ts';

/** What a child does about one topic. */
export interface TopicHandler {
  /** All there is to know; may come again at any time. */
  state(value: unknown): void;
  change(value: unknown): void;
}

/** The child's end of the channel of topics. */
export class TopicReader {
  readonly #handlers: Readonly<Record<string, TopicHandler>>;

  constructor(handlers: Readonly<Record<string, TopicHandler>>) {
    this.#handlers = handlers;
  }

  /** What the child was given at its start. */
  start(states: readonly TopicState[]): void {
    for (const { topic, value } of states) this.#handlers[topic]?.state(value);
  }

  told({ topic, how, value }: TopicMessage): void {
    this.#handlers[topic]?.[how](value);
  }
}

/** For a topic whose changes are whole states. */
export function whole(handler: (value: unknown) => void): TopicHandler {
  return { state: handler, change: handler };
}

/**
 * How children learn what all of them must know: one channel for all topics. Who starts is given the state of its topics, and from when it
 * listens on every change, in order. What is sent and not heard is bounded: who falls behind gets the state again in place of the changes.
 */

/** Sent and not heard, at most: a child that hangs must not fill our memory. */
const MOST_UNHEARD = 64;

/** The state of a topic, for a child that starts. */
export interface TopicState {
  readonly topic: string;
  readonly value: unknown;
}

/** To a child that listens; answered by its `seq`. */
export interface TopicMessage extends TopicState {
  readonly kind: 'topic';
  /** Counts what this child was sent, from 1. */
  readonly seq: number;
  /** `value` is the whole state, or what changed. */
  readonly how: 'state' | 'change';
}

/** One thing that all children must know. */
export class Topic<State, Change = State> {
  readonly name: string;
  readonly #hub: TopicHub;
  readonly #fold: (state: State, change: Change) => State;
  #state: State;
  #version = 0;

  constructor(hub: TopicHub, name: string, state: State, fold: (state: State, change: Change) => State) {
    this.#hub = hub;
    this.name = name;
    this.#state = state;
    this.#fold = fold;
  }

  get state(): State {
    return this.#state;
  }

  /** Another number for another state. */
  get version(): number {
    return this.#version;
  }

  /** @param from knows of it already, and is not told */
  publish(change: Change, from: Follower | null = null): void {
    this.#state = this.#fold(this.#state, change);
    this.#version++;
    this.#hub.changed(this.name, change, from);
  }
}

/** One child, as the hub knows it. */
export class Follower {
  readonly #topics: ReadonlyMap<string, Topic<unknown, unknown>>;
  readonly #send: (message: TopicMessage) => unknown;
  readonly #left: (follower: Follower) => void;
  /** What it was given at its start, until it listens. */
  readonly #versions = new Map<string, number>();
  /** Topics whose changes it missed: their state follows. */
  readonly #behind = new Set<string>();
  readonly #waiting: { readonly seq: number; readonly done: () => void }[] = [];
  #isListening = false;
  #sent = 0;
  #heard = 0;

  constructor(topics: ReadonlyMap<string, Topic<unknown, unknown>>, send: (message: TopicMessage) => unknown, left: (follower: Follower) => void) {
    this.#topics = topics;
    this.#send = send;
    this.#left = left;
  }

  follows(name: string): boolean {
    return this.#topics.has(name);
  }

  /** What it is to be told at its start. Changes from now on reach it when it listens. */
  states(): TopicState[] {
    return [...this.#topics.values()].map((topic) => {
      this.#versions.set(topic.name, topic.version);
      return { topic: topic.name, value: topic.state };
    });
  }

  /** From now on it hears messages. What changed since its start is told first. */
  listens(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    for (const { name, version } of this.#topics.values()) if (this.#versions.get(name) !== version) this.#behind.add(name);
    this.#catchUp();
  }

  /** Tells it all states again. */
  repeat(): void {
    if (!this.#isListening) return;
    for (const name of this.#topics.keys()) this.#behind.add(name);
    if (this.#heard === this.#sent) this.#catchUp();
  }

  /** @internal for the hub */
  changed(name: string, change: unknown): void {
    if (!this.#isListening || !this.#topics.has(name) || this.#behind.has(name)) return;
    if (this.#sent - this.#heard >= MOST_UNHEARD) this.#behind.add(name);
    else this.#tell('change', name, change);
  }

  /** It has done what message `seq`, and all before it, told. */
  heard(seq: number): void {
    if (seq <= this.#heard || seq > this.#sent) return;
    this.#heard = seq;
    if (this.#heard === this.#sent) this.#catchUp();
    for (let i = this.#waiting.length - 1; i >= 0; i--) if (this.#waiting[i]!.seq <= this.#heard) this.#waiting.splice(i, 1)[0]!.done();
  }

  /** Resolves when it has heard all that was published so far, or is gone; at once while it does not listen. */
  settled(): Promise<void> {
    const seq = this.#sent + this.#behind.size;
    if (!this.#isListening || this.#heard >= seq) return Promise.resolve();
    return new Promise((done) => this.#waiting.push({ seq, done }));
  }

  /** It is gone. */
  leave(): void {
    this.#isListening = false;
    this.#left(this);
    for (const { done } of this.#waiting.splice(0)) done();
  }

  #catchUp(): void {
    const behind = [...this.#behind];
    this.#behind.clear();
    for (const name of behind) this.#tell('state', name, this.#topics.get(name)!.state);
  }

  #tell(how: 'state' | 'change', topic: string, value: unknown): void {
    this.#send({ kind: 'topic', seq: ++this.#sent, topic, how, value });
  }
}

/** All topics and all who follow them. */
export class TopicHub {
  readonly #topics = new Map<string, Topic<unknown, unknown>>();
  readonly #followers = new Set<Follower>();

  /** @param fold makes the next state; left out: a change is the next state */
  topic<State, Change = State>(name: string, state: State, fold?: (state: State, change: Change) => State): Topic<State, Change> {
    const topic = new Topic<State, Change>(this, name, state, fold ?? ((_, change) => change as unknown as State));
    this.#topics.set(name, topic as unknown as Topic<unknown, unknown>);
    return topic;
  }

  /** @param send must not throw; what it cannot deliver is lost with the child */
  join(names: readonly string[], send: (message: TopicMessage) => unknown): Follower {
    const topics = new Map(names.map((name) => [name, this.#topics.get(name)!]));
    const follower = new Follower(topics, send, (gone) => this.#followers.delete(gone));
    this.#followers.add(follower);
    return follower;
  }

  /** @internal for a topic */
  changed(name: string, change: unknown, from: Follower | null): void {
    for (const follower of this.#followers) if (follower !== from) follower.changed(name, change);
  }

  /** Resolves when all who follow `name` and listen have heard what was published so far: with true, or with false when that took more than `ms`. */
  async settled(name: string, ms: number): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, ms, false);
    });
    const all = Promise.all([...this.#followers].filter((follower) => follower.follows(name)).map((follower) => follower.settled())).then(() => true);
    return Promise.race([all, late]).finally(() => clearTimeout(timer));
  }
}

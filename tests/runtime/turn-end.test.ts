/** `EventLoop.atTurnEnd`: what several events have to say to one connection goes out in one write. */

import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { DueList } from '../../src/runtime/due-list.ts';
import type { Due } from '../../src/runtime/seam/event-loop.ts';
import { closeLeftovers, type Pair, pair, runtime, sleep, TCP, unixAddress, waitFor } from './support.ts';

const CONNECTIONS = 20;

/** Gathers what is asked of it, as a connection of many streams does: one object, asked for once a turn. */
class Gatherer implements Due {
  readonly log: string[] = [];
  #isDue = false;
  on: () => void = () => {};

  ask(word: string): void {
    this.log.push(word);
    if (this.#isDue) return;
    this.#isDue = true;
    runtime.atTurnEnd(this);
  }

  told(): void {
    this.#isDue = false;
    this.log.push('told');
    this.on();
  }

  count(word: string): number {
    return this.log.filter((each) => each === word).length;
  }
}

async function pairs(count: number, address = unixAddress): Promise<Pair[]> {
  const made: Pair[] = [];
  for (let i = 0; i < count; i++) made.push(await pair(address()));
  return made;
}

describe('the end of a turn', () => {
  after(closeLeftovers);

  for (const [name, address] of [
    ['unix', unixAddress],
    ['TCP', () => TCP as never],
  ] as const)
    it(`is told once behind the events that come together: ${name}`, async () => {
      const all = await pairs(CONNECTIONS, address);
      const gatherer = new Gatherer();
      for (const { server } of all) server.on = (event) => event === 'data' && gatherer.ask('data');
      for (let round = 1; round <= 3; round++) {
        // Nothing else is under way.
        await sleep(20);
        gatherer.log.length = 0;
        for (const { client } of all) client.connection.write(Uint8Array.of(round));
        await waitFor(() => gatherer.count('data') === CONNECTIONS && gatherer.log.at(-1) === 'told');
        if (gatherer.count('told') === 1) return;
      }
      // Three times in a row the kernel has not had all of it ready at once.
      assert.fail(`told more than once: ${gatherer.log.join(' ')}`);
    });

  it('is behind what the events made due, and what their promises did', async () => {
    const [{ client, server }] = (await pairs(1)) as [Pair];
    const gatherer = new Gatherer();
    const soon: Due = { told: () => void gatherer.log.push('soon') };
    server.on = (event) => {
      if (event !== 'data') return;
      gatherer.ask('data');
      runtime.soon(soon);
      Promise.resolve()
        .then(() => gatherer.ask('promise'))
        .then(() => gatherer.ask('next promise'));
    };
    client.connection.write(Uint8Array.of(1));
    await waitFor(() => gatherer.log.includes('next promise') && gatherer.log.at(-1) === 'told');
    assert.equal(gatherer.log[0], 'data');
    assert.ok(gatherer.log.indexOf('soon') < gatherer.log.indexOf('told'), gatherer.log.join(' '));
    assert.equal(gatherer.count('told'), 1, gatherer.log.join(' '));
  });

  it('is told outside of events as well: what a timer asks for, and what is asked while it is told', async () => {
    await sleep(20);
    const gatherer = new Gatherer();
    const started = performance.now();
    let took = -1;
    setTimeout(() => gatherer.ask('timer'), 5);
    gatherer.on = () => {
      if (gatherer.count('told') === 1) gatherer.ask('again');
      else took = performance.now() - started;
    };
    await waitFor(() => took !== -1);
    assert.deepEqual(gatherer.log, ['timer', 'told', 'again', 'told']);
  });

  it('what is written then goes out, and one that answers in it is answered in the next turn', async () => {
    const [{ client, server }] = (await pairs(1)) as [Pair];
    const gatherer = new Gatherer();
    server.on = (event) => event === 'data' && gatherer.ask('data');
    gatherer.on = () => void server.connection.write(Buffer.from(`${gatherer.count('told')} `));
    client.on = (event) => event === 'data' && gatherer.count('told') < 100 && client.connection.write(Uint8Array.of(1));
    client.connection.write(Uint8Array.of(1));
    await waitFor(() => client.text.endsWith('100 '));
    assert.equal(client.text.trim().split(' ').length, 100);
  });

  it('one that throws keeps no other from being told', () => {
    const list = new DueList();
    const log: string[] = [];
    const say = (word: string): Due => ({ told: () => void log.push(word) });
    assert.equal(list.add(say('first')), true);
    assert.equal(
      list.add({
        told() {
          list.add(say('third'));
          throw new Error('mine');
        },
      }),
      false,
    );
    list.add(say('second'));
    assert.throws(() => list.tell(), /mine/);
    assert.equal(list.isEmpty, false);
    list.tell();
    assert.deepEqual(log, ['first', 'second', 'third']);
    assert.equal(list.add(say('fourth')), true);
  });
});

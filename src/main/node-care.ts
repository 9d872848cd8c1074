import type { Log } from '../log/log.ts';
import type { NodeMark } from '../master/messages.ts';
import type { HealthCheckConfig } from '../options/health-check.ts';
import { HealthCheck } from '../pool/health-check.ts';
import type { MappedPools } from '../pool/mappers/mapped-pools.ts';
import type { Node } from '../pool/node.ts';
import type { Pool } from '../pool/pool.ts';
import type { Probe } from '../pool/probe.ts';
import { Revival } from '../pool/revival.ts';
import type { TimerWheel } from '../time/timer-wheel.ts';

/** What it takes to look after nodes. */
export interface NodeCareParts {
  readonly pool: Pool;
  /** What mappers have found; null where there are none. */
  readonly mapped: MappedPools | null;
  /** `http-gracetime`, in ms. */
  readonly graceTime: number;
  /** `http-check`; null without. */
  readonly check: HealthCheckConfig | null;
  /** Connects. */
  readonly ping: Probe;
  /** Asks as `check` says; null without. */
  readonly probe: Probe | null;
  readonly wheel: TimerWheel;
  readonly log: Log;
}

/**
 * Looks after the nodes of one generation: asks those that died of requests whether they are back, checks all of them where that is
 * configured, and tells what comes of it. What was known of them before holds on: their backends outlive generations.
 */
export class NodeCare {
  readonly #parts: NodeCareParts;
  /** Of the settings that checks go by. */
  readonly #checkKey: string | null;
  readonly #revivals: Revival[] = [];
  readonly #checks: HealthCheck[] = [];

  constructor(parts: NodeCareParts) {
    this.#parts = parts;
    this.#checkKey = parts.check === null ? null : JSON.stringify(parts.check);
  }

  /**
   * Begins; once, when the generation is in use.
   * @param tell hears what the other processes should know
   * @param checksPool this process checks the nodes of `http-to` for all. What mappers have found each process checks by itself: only it
   * knows them.
   */
  begin(tell: (mark: NodeMark) => void, checksPool: boolean): void {
    const { pool, mapped } = this.#parts;
    const nobody = (): void => {};
    this.#observe(pool, tell);
    // The others begin with nothing for the nodes of a new generation.
    for (const node of pool.nodes) {
      const { isDead, isLearned, isDown } = node.backend;
      if (isDead && !isLearned) tell(requestMark(node, 'dead'));
      if (isDown && checksPool) tell(checkMark(node, 'down'));
    }
    if (checksPool) this.#check(pool, tell);
    if (mapped === null) return;
    this.#observe(mapped, nobody);
    this.#check(mapped, nobody);
  }

  /** What another process has seen of a node of `http-to`. */
  learn(mark: NodeMark): void {
    const { pool, wheel } = this.#parts;
    for (const node of pool.nodes) if (node.name === mark.node) node.backend.learn(mark, wheel.precise());
  }

  stop(): void {
    for (const one of [...this.#checks, ...this.#revivals]) one.stop();
    this.#parts.mapped?.unobserve();
  }

  #observe(source: Pool | MappedPools, tell: (mark: NodeMark) => void): void {
    const { ping, graceTime, wheel, log } = this.#parts;
    const revival = new Revival(source, ping, graceTime, () => wheel.precise());
    this.#revivals.push(revival);
    source.observe({
      // A node may come later, and be known from an earlier generation: what that one's checks said ends with them.
      joined: (node) => {
        node.backend.checkBy(this.#checkKey);
        if (node.backend.isDead && !node.backend.isLearned) revival.died(node);
      },
      nodeMarked(node, mark) {
        if (mark === 'dead') revival.died(node);
        else log.event('info', 'node-alive', 'a node that was dead takes connections again', { node: node.name });
        tell(requestMark(node, mark));
      },
    });
  }

  #check(source: Pool | MappedPools, tell: (mark: NodeMark) => void): void {
    const { check, probe, wheel, log } = this.#parts;
    if (check === null || probe === null) return;
    const world = {
      now: () => wheel.precise(),
      random: Math.random,
      changed(node: Node, isUp: boolean, reason: string) {
        if (isUp) log.event('info', 'node-up', 'a node passed its checks again', { node: node.name });
        else log.event('warn', 'node-down', 'a node failed its checks and gets no requests', { node: node.name, reason });
        tell(checkMark(node, isUp ? 'up' : 'down'));
      },
    };
    this.#checks.push(new HealthCheck(source, probe, check, world));
  }
}

function requestMark({ name, backend }: Node, mark: 'dead' | 'alive'): NodeMark {
  return { node: name, cause: 'requests', mark, failsFast: backend.failsFast, isOfAnswers: backend.isDeadOfAnswers };
}

function checkMark({ name }: Node, mark: 'down' | 'up'): NodeMark {
  return { node: name, cause: 'checks', mark, failsFast: false, isOfAnswers: false };
}

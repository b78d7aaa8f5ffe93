import { isFinal, type JobState } from '@llm-gateway/shared/contracts/job';
import { type LogNotice, parseLogNotice } from '@llm-gateway/shared/event-log/log-entry';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';

/** Whoever follows the log of a job. */
export interface LogListener {
  /** The job that it is about, which may share the log of another. */
  readonly jobId: string;
  /** Number of the last entry that it has. */
  readonly cursor: number;
  hear(notice: LogNotice): void;
  /** Something may have been missed: look at the log itself. */
  lookAnew(): void;
}

export interface LogFeed {
  /** From the moment that this resolves, the listener hears of every entry that is written, but for what a broken connection loses. */
  follow(logId: string, listener: LogListener): Promise<void>;
  unfollow(logId: string, listener: LogListener): void;
  size(): number;
  close(): void;
}

export interface LogFeedOptions {
  redis: Redis;
  /** One connection for all logs of this process; it may be shared with others that subscribe. */
  subscriber: Redis;
  keys: Keys;
  /** How often a log that is silent is looked at although nobody called. */
  sweepMs: number;
}

interface Followed {
  listeners: Set<LogListener>;
  subscribed: Promise<unknown>;
  /** Whether anything was heard since the last sweep. */
  isLive: boolean;
}

// A Redis that is away keeps a subscription waiting; the sweep makes good what is missed until it stands.
const subscribeMaxMs = 2000;
// Listeners that are made to look in one go: a thousand streams that come back at once do so in turns.
const looksAtOnce = 100;
const betweenLooksMs = 20;
// One reply of this size keeps Redis busy for well under a millisecond.
const batchSize = 500;

/**
 * Brings the entries of job logs to their followers, over one connection however many there are. Messages carry the
 * entries and their numbers, so that one that was lost is noticed with the next; a look after every reconnect and a
 * slow sweep over silent logs make good the rest.
 */
export function createLogFeed({ redis, subscriber, keys, sweepMs }: LogFeedOptions): LogFeed {
  const followed = new Map<string, Followed>();
  const prefix = keys.logChannel('');

  const onMessage = (channel: string, message: string) => {
    const log = channel.startsWith(prefix) ? followed.get(channel.slice(prefix.length)) : undefined;
    const notice = log && parseLogNotice(message);
    if (!notice) return;
    log.isLive = true;
    for (const listener of [...log.listeners]) listener.hear(notice);
  };

  async function lookAll(listeners: readonly LogListener[]): Promise<void> {
    for (let start = 0; start < listeners.length; start += looksAtOnce) {
      for (const listener of listeners.slice(start, start + looksAtOnce)) listener.lookAnew();
      if (start + looksAtOnce < listeners.length) await pause(betweenLooksMs);
    }
  }
  const listenersOf = (logs: Iterable<Followed>) => [...logs].flatMap(({ listeners }) => [...listeners]);
  const onReady = () => void lookAll(listenersOf(followed.values()));

  /** Of those who have heard nothing for a while, the ones that have missed something. */
  async function findBehind(silent: readonly (readonly [logId: string, LogListener])[]): Promise<LogListener[]> {
    const pipeline = redis.pipeline();
    for (const [logId, { jobId }] of silent) {
      pipeline.hget(keys.job(logId), 'sequence').hget(keys.job(jobId), 'state');
    }
    const replies = (await pipeline.exec()) ?? [];
    return silent
      .filter(([, { cursor }], index) => {
        const [sequence, state] = [replies[2 * index]?.[1], replies[2 * index + 1]?.[1]];
        return Number(sequence ?? 0) > cursor || state === null || isFinal(state as JobState);
      })
      .map(([, listener]) => listener);
  }
  async function sweep(): Promise<void> {
    const silent = [...followed]
      .filter(([, { isLive }]) => !isLive)
      .flatMap(([logId, { listeners }]) => [...listeners].map((listener) => [logId, listener] as const));
    for (const log of followed.values()) log.isLive = false;
    for (let start = 0; start < silent.length; start += batchSize) {
      // A Redis that is away cannot be asked: the next sweep is due soon.
      await lookAll(await findBehind(silent.slice(start, start + batchSize)).catch(() => []));
    }
  }

  subscriber.on('message', onMessage);
  subscriber.on('ready', onReady);
  const sweeper = setInterval(sweep, sweepMs);

  return {
    async follow(logId, listener) {
      const log = followed.get(logId) ?? {
        listeners: new Set(),
        // Commands of one connection keep their order: an unsubscribe of a moment ago comes first.
        subscribed: subscriber.subscribe(keys.logChannel(logId)).catch(() => undefined),
        isLive: true,
      };
      followed.set(logId, log);
      log.listeners.add(listener);
      await Promise.race([log.subscribed, pause(subscribeMaxMs)]);
    },
    unfollow(logId, listener) {
      const log = followed.get(logId);
      if (!log?.listeners.delete(listener) || log.listeners.size > 0) return;
      followed.delete(logId);
      subscriber.unsubscribe(keys.logChannel(logId)).catch(() => undefined);
    },
    size: () => followed.size,
    close() {
      clearInterval(sweeper);
      subscriber.off('message', onMessage);
      subscriber.off('ready', onReady);
    },
  };
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref());

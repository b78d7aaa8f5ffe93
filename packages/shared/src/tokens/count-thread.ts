import { Worker } from 'node:worker_threads';

export interface CountThread {
  /** Tokens of the texts, one task after the other. Rejects when the thread died over them, and once it is closed. */
  count(texts: readonly string[]): Promise<number>;
  /** Of the tasks that are not in hand yet. */
  charactersWaiting(): number;
  close(): Promise<void>;
}

interface Task {
  texts: readonly string[];
  characters: number;
  resolve(tokens: number): void;
  reject(error: Error): void;
}

const entry = new URL('./count-thread-entry.ts', import.meta.url);

/**
 * A thread that counts tokens. It is started by its first task and stopped after `idleMs` without one: the tokenizer
 * takes 80 MB and 120 ms to load (gpt-tokenizer 4.0.0, Node 24). It keeps the process alive only while it counts.
 * One task is in its hands at a time, so that a task that kills it takes no other along.
 */
export function createCountThread({ idleMs }: { idleMs: number }): CountThread {
  const waiting: Task[] = [];
  let charactersWaiting = 0;
  let inHand: Task | undefined;
  let thread: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  let closed = false;

  function start(): Worker {
    // Of the process's own flags none is for it, and with some of them (`--eval`) it would not start.
    const started = new Worker(entry, { name: 'token-counter', execArgv: [] });
    let cause: unknown;
    started.on('message', (tokens: number) => {
      inHand?.resolve(tokens);
      takeNext();
    });
    started.once('error', (error) => {
      cause = error;
    });
    started.once('exit', (code) => {
      if (thread !== started) return;
      thread = undefined;
      inHand?.reject(new Error(`the thread that counted these tokens ended with code ${code}`, { cause }));
      takeNext();
    });
    return started;
  }

  function takeNext(): void {
    inHand = waiting.shift();
    if (!inHand) {
      thread?.unref();
      idle = setTimeout(stop, idleMs).unref();
      return;
    }
    clearTimeout(idle);
    charactersWaiting -= inHand.characters;
    thread ??= start();
    thread.ref();
    thread.postMessage(inHand.texts);
  }

  async function stop(): Promise<void> {
    const stopped = thread;
    thread = undefined;
    await stopped?.terminate();
  }

  return {
    count(texts) {
      if (closed) return Promise.reject(new Error('the token counter is closed'));
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const characters = texts.reduce((sum, text) => sum + text.length, 0);
      waiting.push({ texts, characters, resolve, reject });
      charactersWaiting += characters;
      if (!inHand) takeNext();
      return promise;
    },
    charactersWaiting: () => charactersWaiting,
    async close() {
      closed = true;
      clearTimeout(idle);
      const given = inHand ? [inHand, ...waiting.splice(0)] : [];
      charactersWaiting = 0;
      for (const task of given) task.reject(new Error('the token counter was closed'));
      await stop();
    },
  };
}

import type { ServerKind } from '../servers/private-server.ts';
import type { ServerState } from '../servers/server-state.ts';
import { askServer, isSupported, tooOld } from './ask-server.ts';

const urlOf = ({ password, port }: ServerState): string => `redis://:${password}@127.0.0.1:${port}`;

export const redisKind: ServerKind = {
  name: 'Redis',
  logFile: 'redis.log',
  stopSignal: 'SIGTERM',
  urlOf,
  ask: (state) => askServer(urlOf(state)),
  faultOf: (version) => (isSupported(version) ? undefined : tooOld(version)),
};

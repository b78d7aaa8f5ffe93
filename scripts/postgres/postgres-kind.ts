import type { ServerKind } from '../servers/private-server.ts';
import type { ServerState } from '../servers/server-state.ts';
import { askServer, isSupported, tooOld } from './ask-server.ts';

/** The database of the gateway on a server of our own. */
const database = 'llm_gateway';

const urlOf = ({ password, port }: ServerState, name = database): string =>
  `postgres://postgres:${password}@127.0.0.1:${port}/${name}`;

export const postgresKind: ServerKind = {
  name: 'Postgres',
  logFile: 'postgres.log',
  stopSignal: 'SIGINT', // the fast shutdown: SIGTERM would wait for every client to leave
  urlOf: (state) => urlOf(state),
  ask: (state) => askServer(urlOf(state, 'postgres'), { ensureDatabase: database }),
  faultOf: (version) => (isSupported(version) ? undefined : tooOld(version)),
};

import { join } from 'node:path';
import type { ServerProgram } from '../servers/server-program.ts';
import { openDataFolder } from './data-folder.ts';
import { findHome } from './home.ts';
import { type Binaries, reachableBinaries } from './reachable-binaries.ts';
import { runAs } from './run-as.ts';
import { type Durability, settingArguments } from './server-settings.ts';

/** Server binaries run as a child of ours, which listens on loopback alone and asks everybody for the password. */
export function binaryProgram(how: string, binaries: Binaries, durability: Durability): ServerProgram {
  return {
    how,
    async launch(place) {
      const home = findHome(place.dir);
      const bin = reachableBinaries(binaries, home);
      const data = await openDataFolder({ bin, home, place });
      return {
        command: join(bin, 'postgres'),
        args: ['-D', data, '-p', String(place.port), ...settingArguments(durability, ofPlace)],
        ...runAs(home.user, data),
        ...(home.path === place.dir ? {} : { home: home.path }),
      };
    },
  };
}

/** No socket file: the folder it goes to belongs to the server of the machine, if there is one. */
const ofPlace = { listen_addresses: '127.0.0.1', unix_socket_directories: '' };

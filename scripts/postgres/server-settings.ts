/** 'none' leaves writing to the operating system: nothing is lost with the process, everything may be with the machine. */
export type Durability = 'full' | 'none';

const common = {
  max_connections: '200', // several api and worker processes, each with a pool of its own
  shared_buffers: '64MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

const undurable = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/** The settings of every server of ours, and those of its place, as arguments of `postgres`. */
export function settingArguments(durability: Durability, ofPlace: Record<string, string>): string[] {
  const settings = { ...common, ...(durability === 'none' ? undurable : {}), ...ofPlace };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

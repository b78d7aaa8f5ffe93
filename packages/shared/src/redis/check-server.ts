import type { Redis } from 'ioredis';
import type { Logger } from '../observability/logger.ts';

const minimum = [6, 2] as const;

const field = (info: string, name: string): string | undefined =>
  new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim();

/**
 * What is off with a Redis for a durable queue, in words for an operator; empty when all is well.
 * INFO is used because managed services often refuse CONFIG.
 */
async function checkRedisServer(redis: Redis): Promise<string[]> {
  const info = await redis.info();
  const version = field(info, 'redis_version') ?? '0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const warnings: string[] = [];
  if (major < minimum[0] || (major === minimum[0] && minor < minimum[1])) {
    warnings.push(`Redis is ${version}; 6.2 or newer is needed`);
  }
  const policy = field(info, 'maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    warnings.push(`maxmemory-policy is ${policy}: jobs can vanish when memory is short; set noeviction`);
  }
  if (field(info, 'aof_enabled') === '0') {
    warnings.push('appendonly is off: accepted jobs are lost when Redis restarts; set appendonly yes');
  }
  return warnings;
}

/** Logs each warning once, at start, and gives them back. */
export async function reportRedisServer(redis: Redis, log: Logger): Promise<string[]> {
  const warnings = await checkRedisServer(redis);
  for (const warning of warnings) log.warn({ event: 'redis_setting' }, warning);
  return warnings;
}

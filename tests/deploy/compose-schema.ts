import { z } from 'zod';

const duration = z.string().regex(/^\d+(ms|s|m|h)$/);
const name = z.string().regex(/^[a-z][a-z0-9-]*$/);

const healthCheck = z.strictObject({
  test: z.tuple([z.literal('CMD')], z.string()),
  interval: duration,
  timeout: duration,
  retries: z.int().positive(),
  start_period: duration.optional(),
});

/** Strict on purpose: a misspelt key is refused here, where compose itself may ignore it. */
const service = z.strictObject({
  image: z.string().regex(/^[a-z0-9/-]+:[\w.-]+$/),
  build: z.strictObject({ context: z.string(), dockerfile: z.string() }).optional(),
  command: z.array(z.string()).min(1),
  user: z
    .string()
    .regex(/^\d+:\d+$/)
    .optional(),
  env_file: z.array(z.strictObject({ path: z.string(), required: z.boolean() })).optional(),
  environment: z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.string()).optional(),
  ports: z.array(z.string()).optional(),
  volumes: z.array(z.string()).optional(),
  tmpfs: z.array(z.string().startsWith('/')).optional(),
  networks: z.array(name).min(1),
  depends_on: z.record(name, z.strictObject({ condition: z.literal('service_healthy') })).optional(),
  healthcheck: healthCheck,
  stop_grace_period: duration.optional(),
  read_only: z.literal(true),
  cap_drop: z.tuple([z.literal('ALL')]),
  security_opt: z.tuple([z.literal('no-new-privileges:true')]),
  restart: z.literal('unless-stopped'),
});

/** The part of the Compose file format that we use. */
export const composeFile = z.strictObject({
  'x-gateway': z.unknown(),
  services: z.strictObject({ api: service, worker: service, sandbox: service, redis: service, postgres: service }),
  networks: z.record(name, z.strictObject({ internal: z.boolean().optional() })),
  volumes: z.record(name, z.strictObject({})),
});

export type ComposeFile = z.infer<typeof composeFile>;

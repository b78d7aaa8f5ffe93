import { z } from 'zod';

export const routingEnv = {
  ROUTING_FILE: z
    .string()
    .optional()
    .describe(
      'YAML or JSON file of providers, their keys and the names of models, as in `examples/routing.yaml`; a change is taken up without a restart',
    ),
};

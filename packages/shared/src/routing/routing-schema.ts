import { z } from 'zod';
import { openAIApis } from '../contracts/native-body.ts';
import { providerName } from '../contracts/provider-name.ts';

/** References to the environment, which only workers resolve. */
export const references = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

const hasReference = (text: string) => text.includes('${');
const isWellReferred = (text: string) => !hasReference(text.replaceAll(references, ''));
const referenceRule = 'a reference to the environment is written $, {, its name, }';

export const isHttpUrl = (text: string): boolean => /^https?:\/\/[^\s]+$/.test(text) && URL.canParse(text);

const baseUrl = z
  .string()
  .max(2048)
  .refine((text) => hasReference(text) || isHttpUrl(text), 'must be an http or https URL')
  .refine(isWellReferred, referenceRule);
const secret = z
  .string({ error: 'must be a text' })
  .min(1, 'must not be empty')
  .max(4096)
  .regex(/^[^\s]*$/, 'must have no blanks')
  .refine(isWellReferred, referenceRule);
const weight = z
  .int('must be a whole number')
  .min(1, 'must be at least 1')
  .max(1000, 'must be at most 1000')
  .default(1);
const shortName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be 1 to 64 of letters, digits, ".", "_" and "-"');

const deployment = z.strictObject({
  name: shortName,
  base_url: baseUrl.optional(),
  api_key: secret.optional(),
  weight,
});

/** A name as it is sent to the provider. */
const modelName = z.string().regex(/^[\x21-\x7e]{1,200}$/, 'must be 1 to 200 visible ASCII characters');

const provider = z
  .strictObject({
    base_url: baseUrl.optional(),
    api_key: secret.optional(),
    deployments: z.array(deployment).min(1, 'must have one at least').max(32, 'must be at most 32').optional(),
    apis: z
      .array(z.enum(openAIApis, `must be one of ${openAIApis.join(', ')}`))
      .min(1, 'must have one at least')
      .optional(),
    models: z.array(modelName).max(500, 'must be at most 500').optional(),
  })
  .superRefine(({ deployments = [] }, context) => {
    const seen = new Set<string>();
    for (const [index, { name }] of deployments.entries()) {
      if (seen.has(name)) {
        context.addIssue({ code: 'custom', path: ['deployments', index, 'name'], message: 'is there twice' });
      }
      seen.add(name);
    }
  });

export type ProviderEntry = z.output<typeof provider>;

/** What an alias leads to: a model's name, or another alias of the file. */
const target = z.string().min(1, 'must not be empty').max(256);
const step = z.union(
  [
    target,
    z
      .array(z.strictObject({ model: target, weight }))
      .min(1)
      .max(16),
  ],
  { error: 'must be a model, or a list of { model, weight } of 1 to 16' },
);
const alias = z.union(
  [
    target.transform((name) => ({ targets: [name] as z.output<typeof step>[] })),
    z.strictObject({ targets: z.array(step).min(1, 'must have one at least').max(16, 'must be at most 16') }),
  ],
  { error: 'must be a model, or { targets: [...] } with 1 to 16 of them' },
);

export type AliasEntry = z.output<typeof alias>;

const aliasName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$/,
    'must be 1 to 128 of letters, digits, ".", "_", ":", "@" and "-", and no "/"',
  );

const hasAtMost = (max: number) => (all: object) => Object.keys(all).length <= max;

/** The file as it is written; `parseRouting` checks what its parts say of each other. */
export const routingFile = z.strictObject({
  // A member with nothing after its colon is one whose entries are commented out.
  providers: z.record(providerName, provider).refine(hasAtMost(64), 'must be at most 64').nullish(),
  models: z.record(aliasName, alias).refine(hasAtMost(1000), 'must be at most 1000').nullish(),
});

import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { guide } from './guide.ts';

// The package's own policy would upgrade every asset to https, which leaves the page blank where there is none.
const contentSecurityPolicy = [
  "default-src 'self'",
  "img-src 'self' data:",
  "style-src 'self' 'unsafe-inline'",
  "object-src 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** `/docs` for people and `/openapi.json` for tools, both made from the routes' own schemas. */
export async function serveDocs(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'LLM Gateway',
        version,
        description: guide,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'Also accepted as x-api-key or api-key' },
        },
      },
      security: [{ key: [] }],
    },
    transform: (route) => withoutWildcard(jsonSchemaTransform(route)),
    transformObject: (documented) => withExamples(jsonSchemaTransformObject(documented) as Documented),
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: contentSecurityPolicy,
    uiConfig: { tryItOutEnabled: true, defaultModelsExpandDepth: -1 },
    theme: { title: 'LLM Gateway', css: [{ filename: 'theme.css', content: '.swagger-ui .topbar { display: none }' }] },
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}

type Documented = Exclude<ReturnType<typeof jsonSchemaTransformObject>, { swagger?: unknown }> & {
  components?: { schemas?: Record<string, { examples?: unknown }> };
};

/**
 * zod takes the examples of a body away where reading it changes it, as if they were of what it is read to. Ours are of
 * what is sent; they are left with the twin that stands for what is read.
 */
function withExamples(documented: Documented): Documented {
  const { schemas = {} } = documented.components ?? {};
  for (const [name, schema] of Object.entries(schemas)) {
    const examples = schemas[name.replace(/Input$/, '')]?.examples;
    if (examples !== undefined) schema.examples ??= examples;
  }
  return documented;
}

type Transformed = ReturnType<typeof jsonSchemaTransform>;

/** OpenAPI knows no wildcard: the rest of a path is told as a parameter of its own. */
function withoutWildcard({ schema, url }: Transformed): Transformed {
  const { params } = schema as { params?: { properties?: Record<string, unknown>; required?: string[] } };
  if (!url.endsWith('/*') || params?.properties === undefined) return { schema, url };
  const { '*': id, ...properties } = params.properties;
  const renamed = { ...params, properties: { ...properties, id }, required: ['id'] };
  return { schema: { ...schema, params: renamed }, url: url.replace('*', ':id') };
}

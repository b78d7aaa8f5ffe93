import { Readable } from 'node:stream';
import multipart from '@fastify/multipart';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ownerOf } from '../../auth/owner-of.ts';
import type { FileStore, Viewer } from '../../files/file-store.ts';
import { fileView, viewFile } from '../../files/file-view.ts';
import { receiveFile, uploadMs } from '../../files/receive-file.ts';
import type { StoredFile } from '../../files/stored-file.ts';
import { header } from '../../http/header.ts';
import { listOfFound, listSchema } from './list.ts';

export interface FileRoutesDeps {
  files: FileStore;
  settings: { fileMaxBytes: number };
}

const tags = ['Files'];
const params = z.object({ id: z.string() });

const query = z.object({
  purpose: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(10_000).default(10_000),
  order: z.enum(['asc', 'desc']).default('desc').describe('By the time of their making'),
  after: z.string().optional().describe('Id of the last file of the page before'),
});

const deleted = z.object({ id: z.string(), object: z.literal('file'), deleted: z.literal(true) });

export const fileRoutes: FastifyPluginAsyncZod<FileRoutesDeps> = async (app, { files, settings }) => {
  app.addHook('onRequest', async (request) => {
    if (header(request, 'anthropic-version') === undefined) return;
    throw new GatewayError({
      code: 'not_found',
      detail: 'There are no files in this form: send requests in the batch.',
    });
  });
  await app.register(uploadRoute, { files, settings });

  const get = async (viewer: Viewer, id: string): Promise<StoredFile> => {
    const file = await files.find(viewer, id);
    if (!file) throw noFile(id);
    return file;
  };

  app.get(
    '/v1/files',
    { schema: { tags, summary: 'Files', querystring: query, response: { 200: listSchema(fileView) } } },
    async ({ caller, query }) => listOfFound((await files.page(caller, query)).map(viewFile), query.limit),
  );

  app.get(
    '/v1/files/:id',
    { schema: { tags, summary: 'What is known of a file', params, response: { 200: fileView } } },
    async ({ caller, params: { id } }) => viewFile(await get(caller, id)),
  );

  app.get(
    '/v1/files/:id/content',
    { schema: { tags, summary: 'The bytes of a file', params, response: { 200: z.unknown().describe('The bytes') } } },
    async ({ caller, params: { id } }, reply) => {
      const file = await get(caller, id);
      reply.headers({
        'content-type': 'application/octet-stream',
        'content-length': file.bytes,
        'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(file.name.toWellFormed())}`,
        'cache-control': 'private, no-store',
      });
      return reply.send(Readable.from(files.content(file.id), { objectMode: false }));
    },
  );

  app.delete(
    '/v1/files/:id',
    { schema: { tags, summary: 'Remove a file', params, response: { 200: deleted } } },
    async ({ caller, params: { id } }) => {
      if (!(await files.remove(caller, id))) throw noFile(id);
      return { id, object: 'file' as const, deleted: true as const };
    },
  );
};

/** Apart, because the parser of forms is for this route alone. */
const uploadRoute: FastifyPluginAsyncZod<FileRoutesDeps> = async (app, { files, settings }) => {
  await app.register(multipart, { throwFileSizeLimit: false });
  const options = { store: files, maxBytes: settings.fileMaxBytes };
  app.post(
    '/v1/files',
    {
      config: { bodyMs: uploadMs },
      schema: {
        tags,
        summary: 'Upload the input of a batch',
        description:
          'multipart/form-data: `file`, `purpose` (batch), `expires_after[anchor]`, `expires_after[seconds]`.',
        consumes: ['multipart/form-data'],
        response: { 200: fileView },
      },
    },
    async (request) => viewFile(await receiveFile(request, ownerOf(request), options)),
  );
};

const noFile = (id: string) =>
  new GatewayError({ code: 'not_found', field: 'id', detail: `There is no file ${id.slice(0, 64)}.` });

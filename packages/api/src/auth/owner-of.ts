import type { FastifyRequest } from 'fastify';
import { header } from '../http/header.ts';
import { invalidHeader } from '../http/invalid-field.ts';
import { requireOwnUser } from './require-scope.ts';

// Where no key is needed and nobody is named.
const nobody = 'default';

/**
 * The user whose a thing is that a request makes: the one it names in `x-user-id`, else the key's. Throws `forbidden` for
 * another than a bound key's, `malformed_request` for no name.
 */
export function ownerOf(request: FastifyRequest): string {
  const named = header(request, 'x-user-id');
  requireOwnUser(request.caller, named, 'x-user-id');
  const userId = named ?? request.caller.userId ?? nobody;
  if (userId === '' || userId.length > 128) throw invalidHeader('x-user-id', 'must have 1 to 128 characters');
  return userId;
}

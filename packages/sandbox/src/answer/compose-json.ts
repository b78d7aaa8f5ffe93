interface Schema {
  type?: unknown;
  properties?: Record<string, unknown>;
  required?: unknown[];
  items?: unknown;
  minItems?: unknown;
  minLength?: unknown;
  minimum?: unknown;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  anyOf?: unknown[];
  oneOf?: unknown[];
  allOf?: unknown[];
  $ref?: unknown;
}

// A schema may refer to itself; beyond this depth only what is not required could go on, so null ends it.
const DEPTH_MAX = 12;

/** A small value that fits a JSON schema: its required properties, its first choice, its lower bounds. */
export function composeJson(schema: unknown): unknown {
  return valueFor(schema, schema, 'value', 0);
}

function valueFor(given: unknown, root: unknown, name: string, depth: number): unknown {
  if (!isSchema(given) || depth > DEPTH_MAX) return null;
  if (typeof given.$ref === 'string') return valueFor(resolve(given.$ref, root), root, name, depth + 1);
  if (given.const !== undefined) return given.const;
  if (Array.isArray(given.enum)) return given.enum[0] ?? null;
  if (given.default !== undefined) return given.default;
  const choice = (given.anyOf ?? given.oneOf)?.[0];
  if (choice !== undefined) return valueFor(choice, root, name, depth + 1);
  if (given.allOf) return valueFor(Object.assign({}, ...given.allOf), root, name, depth + 1);
  return valueOfType(given, root, name, depth);
}

function valueOfType(schema: Schema, root: unknown, name: string, depth: number): unknown {
  switch (typeOf(schema)) {
    case 'object':
      return objectFor(schema, root, depth);
    case 'array': {
      const length = Math.max(1, numberOr(schema.minItems, 1));
      return Array.from({ length }, () => valueFor(schema.items ?? { type: 'string' }, root, name, depth + 1));
    }
    case 'integer':
      return Math.ceil(numberOr(schema.minimum, 1));
    case 'number':
      return numberOr(schema.minimum, 1);
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return `sandbox ${name}`.padEnd(numberOr(schema.minLength, 0), '.');
  }
}

function objectFor(schema: Schema, root: unknown, depth: number): Record<string, unknown> {
  const names = (schema.required ?? []).filter((name) => typeof name === 'string');
  return Object.fromEntries(
    names.map((name) => [name, valueFor(schema.properties?.[name] ?? { type: 'string' }, root, name, depth + 1)]),
  );
}

function typeOf(schema: Schema): unknown {
  const first = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  return first ?? (schema.properties ? 'object' : 'string');
}

/** Follows a local reference such as `#/$defs/address`. */
function resolve(reference: string, root: unknown): unknown {
  const steps = reference.replace(/^#\/?/, '').split('/').filter(Boolean);
  return steps.reduce<unknown>(
    (at, step) => (at && typeof at === 'object' ? Reflect.get(at, decodeURIComponent(step)) : undefined),
    root,
  );
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null;
}

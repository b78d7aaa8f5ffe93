import ipaddr from 'ipaddr.js';

const lengthMax = 2048;

// A cloud's own services, for instance metadata, behind addresses that look like any others: Azure's, AWS's and Google's.
const cloudServices = new Set(['168.63.129.16', 'fd00:ec2::254', 'fd20:ce::254']);

// All global unicast addresses there are (RFC 4291, 2.4): what lies outside translates to IPv4, or is local.
const globalUnicast = ipaddr.parseCIDR('2000::/3');

/** Whether an IP address belongs to the internet: not to this machine, its network or the cloud it runs in. */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.parse(text);
  if (address.range() !== 'unicast' || cloudServices.has(address.toString())) return false;
  return address.kind() === 'ipv4' || address.match(globalUnicast);
}

// What development needs. A cloud's metadata service (link-local) is no receiver there either.
const developmentRanges = new Set(['loopback', 'private', 'uniqueLocal']);

/** Whether webhooks may be sent to an IP address: one of the internet, in development also one of this machine or network. */
export function isAllowedAddress(text: string, isInsecureAllowed: boolean): boolean {
  if (isPublicAddress(text)) return true;
  if (!isInsecureAllowed || !ipaddr.isValid(text)) return false;
  const address = ipaddr.parse(text);
  return developmentRanges.has(address.range()) && !cloudServices.has(address.toString());
}

/**
 * What is wrong with an address that webhooks shall go to, in words that follow its name; undefined when nothing is.
 * A host name is looked up only when it is used: what it resolves to then decides.
 */
export function webhookUrlFault(text: string, isInsecureAllowed: boolean): string | undefined {
  if (text.length > lengthMax) return `must have at most ${lengthMax} characters`;
  if (!URL.canParse(text)) return 'must be a URL';
  const { protocol, username, password, hostname } = new URL(text);
  if (protocol !== 'https:' && protocol !== 'http:') return 'must be an https URL';
  if (username !== '' || password !== '') return 'must carry no user name or password';
  if (protocol !== 'https:' && !isInsecureAllowed) return 'must be an https URL';
  // WHATWG's parser has made dotted decimals of all the other ways to write an IPv4 address.
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const isLocal = host === '' || host === 'localhost' || host.endsWith('.localhost');
  const isRefused = ipaddr.isValid(host) ? !isAllowedAddress(host, isInsecureAllowed) : isLocal && !isInsecureAllowed;
  return isRefused ? 'must lead to a public address' : undefined;
}

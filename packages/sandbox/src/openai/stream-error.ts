/** What a stream of OpenAI carries when it fails after its 200. */
export const STREAM_ERROR = {
  message: 'The server had an error while processing your request. Sorry about that!',
  type: 'server_error',
  param: null,
  code: 'server_error',
} as const;

import { defineEndpoint } from '../../generation/generation-endpoint.ts';
import { openaiHeaders } from './openai-members.ts';
import { responsesManner } from './responses/error-event.ts';
import { withPreviousResponse } from './responses/previous-response.ts';
import { readResponsesBody } from './responses/read-responses-body.ts';
import { ResponseTranslator } from './responses/response-translator.ts';
import { responsesBody } from './responses/responses-body.ts';
import { responsesPath } from './responses/responses-path.ts';
import { toResponseResult, viewResponse } from './responses/view-response.ts';

/** `POST /v1/responses` */
export const responsesEndpoint = defineEndpoint({
  path: responsesPath,
  dialect: 'openai',
  body: responsesBody,
  read: readResponsesBody,
  prepare: withPreviousResponse,
  toResult: toResponseResult,
  toAccepted: viewResponse,
  translate: (id, record) => new ResponseTranslator(id, record, -1),
  manner: responsesManner,
  providerHeaders: openaiHeaders,
  fieldNames: {
    '/messages': '/input',
    '/max_tokens': '/max_output_tokens',
    '/response_format': '/text/format',
    '/reasoning_effort': '/reasoning/effort',
  },
});

/** What `/docs` begins with: each way to take an answer, to be pasted into a shell. */
export const guide = `Every call to a model is a durable job. How you take its result is up to you, and may change on the way:
every answer carries \`x-job-id\`.

On loopback no key is needed unless the operator says so. Elsewhere every request sends one, as \`Authorization: Bearer KEY\`,
\`x-api-key: KEY\` or \`api-key: KEY\`; on this page it goes behind **Authorize**. With a key, \`user_id\` may be left out.

**With an official SDK** nothing changes but the base URL: \`http://localhost:8000/v1\` for OpenAI's, \`http://localhost:8000\` for
Anthropic's. Each reaches the models of every provider. The same from a shell:
\`\`\`
curl -X POST http://localhost:8000/v1/chat/completions -H 'Content-Type: application/json' \\
  -d '{"model": "claude-sonnet-5", "messages": [{"role": "user", "content": "Explain queues"}]}'
curl -X POST http://localhost:8000/v1/responses -H 'Content-Type: application/json' \\
  -d '{"model": "gpt-4o", "input": "Explain queues", "background": true}'
curl -X POST http://localhost:8000/v1/messages -H 'Content-Type: application/json' \\
  -d '{"model": "gpt-4o", "max_tokens": 300, "messages": [{"role": "user", "content": "Explain queues"}]}'
\`\`\`
**Wait**
\`\`\`
curl -X POST http://localhost:8000/v1/generate -H 'Content-Type: application/json' \\
  -d '{"prompt": "Explain queues", "model": "gpt-4o", "user_id": "user123"}'
\`\`\`
**Submit and poll**
\`\`\`
curl -X POST http://localhost:8000/v1/generate -H 'Content-Type: application/json' -H 'Prefer: respond-async' \\
  -d '{"prompt": "Explain queues", "model": "gpt-4o", "user_id": "user123"}'
curl http://localhost:8000/v1/jobs/JOB_ID -H 'Prefer: wait=30'
curl http://localhost:8000/v1/jobs/JOB_ID/result
\`\`\`
**Stream, and resume after the event that you had last**
\`\`\`
curl -N -X POST http://localhost:8000/v1/generate -H 'Content-Type: application/json' \\
  -d '{"prompt": "Explain queues", "model": "gpt-4o", "user_id": "user123", "stream": true}'
curl -N http://localhost:8000/v1/jobs/JOB_ID/events -H 'Last-Event-ID: 3'
\`\`\`
**Queue with options, under a key that makes repeats harmless**
\`\`\`
curl -X POST http://localhost:8000/v1/jobs -H 'Content-Type: application/json' -H 'Idempotency-Key: order-4711' \\
  -d '{"endpoint": "/v1/generate", "priority": 8, "deadline_s": 3600,
       "body": {"prompt": "Explain queues", "model": "gpt-4o", "user_id": "user123"}}'
\`\`\`
**Cancel, list**
\`\`\`
curl -X POST http://localhost:8000/v1/jobs/JOB_ID/cancel
curl 'http://localhost:8000/v1/jobs?status=completed&limit=5'
\`\`\`
**Batch**: a file of requests at half the price; it ends in a file of answers. Anthropic's clients use \`/v1/messages/batches\`.
\`\`\`
echo '{"custom_id": "first", "method": "POST", "url": "/v1/generate", "body": {"prompt": "Say hello", "model": "gpt-4o"}}' > requests.jsonl
curl http://localhost:8000/v1/files -F purpose=batch -F file=@requests.jsonl
curl -X POST http://localhost:8000/v1/batches -H 'Content-Type: application/json' \\
  -d '{"input_file_id": "FILE_ID", "endpoint": "/v1/generate", "completion_window": "24h"}'
curl http://localhost:8000/v1/batches/BATCH_ID
curl http://localhost:8000/v1/files/OUTPUT_FILE_ID/content
\`\`\`
**Webhook** (signed by Standard Webhooks with the secret of \`GET /v1/webhooks/secret\`)
\`\`\`
curl -X POST http://localhost:8000/v1/generate -H 'Content-Type: application/json' -H 'Prefer: respond-async' \\
  -d '{"prompt": "Explain queues", "model": "gpt-4o", "user_id": "user123", "webhook": "https://example.com/hook"}'
\`\`\`
**Make a key**, with limits and budgets of its own; the answer shows it once, as \`key\` (\`npm start\` says where ADMIN_API_KEY is)
\`\`\`
curl -X POST http://localhost:8000/v1/admin/keys -H "Authorization: Bearer $ADMIN_API_KEY" -H 'Content-Type: application/json' \\
  -d '{"name": "billing service", "limits": {"requests_per_minute": 60, "requests_per_hour": 2000, "concurrency": 10},
       "budgets": [{"period": "month", "limit_usd": 50}]}'
curl -X POST http://localhost:8000/v1/admin/keys/KEY_ID/rotate -H "Authorization: Bearer $ADMIN_API_KEY"
curl -X DELETE http://localhost:8000/v1/admin/keys/KEY_ID -H "Authorization: Bearer $ADMIN_API_KEY"
\`\`\`
**Use it, and see what is left.** Beyond a limit the answer is 429 with \`Retry-After\`. Beyond a budget it is 402: a request
reserves what it may cost at most, so send \`max_tokens\`; without it the longest answer of the model has to fit.
\`\`\`
curl -X POST http://localhost:8000/v1/generate -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \\
  -d '{"prompt": "Explain queues", "model": "gpt-4o", "max_tokens": 200}'
curl http://localhost:8000/v1/key -H "Authorization: Bearer $KEY"
curl http://localhost:8000/v1/rate-limit/user123 -H "Authorization: Bearer $KEY"
\`\`\`
**What was used**, from the ledger, as JSON or CSV. A key that is not for administrators sees its own user; who names no user is the id of its key.
\`\`\`
curl 'http://localhost:8000/v1/usage/KEY_ID?group_by=model' -H "Authorization: Bearer $KEY"
curl 'http://localhost:8000/v1/admin/summary?from=2026-11-01&group_by=user&format=csv' -H "Authorization: Bearer $ADMIN_API_KEY"
curl 'http://localhost:8000/v1/admin/ledger?format=csv' -H "Authorization: Bearer $ADMIN_API_KEY"
\`\`\`
`;

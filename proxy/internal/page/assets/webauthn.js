// Passkeys and security keys. A hidden field says what the browser is to be asked
// for, and takes its answer, which goes with the form as anything else.

const field = document.querySelector("input[data-key]");
const says = document.querySelector("#key-says");
const options = JSON.parse(field.dataset.options);
let asking = new AbortController();

// Browsers that cannot read options as JSON by themselves want bytes in them.
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
	btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
const keys = (list) => (list ?? []).map((key) => ({ ...key, id: bytes(key.id) }));

function creation() {
	if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(options);
	return {
		...options,
		challenge: bytes(options.challenge),
		user: { ...options.user, id: bytes(options.user.id) },
		excludeCredentials: keys(options.excludeCredentials),
	};
}

function request() {
	if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(options);
	return { ...options, challenge: bytes(options.challenge), allowCredentials: keys(options.allowCredentials) };
}

// written is a credential as JSON. What password managers put instead of the
// browser's own may say that it can write itself, and then fail to.
function written(credential) {
	try {
		return JSON.stringify(credential.toJSON());
	} catch {
		const response = {};
		for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature"]) {
			if (credential.response[part]) response[part] = text(credential.response[part]);
		}
		return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response });
	}
}

// ask has the browser ask for the key, once at a time, and sends what it answers. The form goes as
// it is, without the fields that are for signing in by name.
async function ask(mediation) {
	asking.abort();
	const signal = (asking = new AbortController()).signal;
	try {
		const credential = field.dataset.key === "create"
			? await navigator.credentials.create({ publicKey: creation(), signal })
			: await navigator.credentials.get({ publicKey: request(), signal, mediation });
		field.value = written(credential);
		field.form.dataset.sent = ""; // page.js has nothing more to do
		field.form.submit();
	} catch (error) {
		if (says && error.name !== "AbortError") says.textContent = says.dataset.failed;
	}
}

// seen waits until the page is visible: no browser asks on behalf of another tab.
const seen = () => new Promise((go) => {
	const look = () => document.visibilityState === "visible" && go();
	document.addEventListener("visibilitychange", look);
	look();
});

const able = window.PublicKeyCredential && navigator.credentials;
if (field.dataset.key === "conditional") {
	if (able && (await PublicKeyCredential.isConditionalMediationAvailable?.())) ask("conditional");
} else {
	field.form.addEventListener("submit", (event) => {
		if (event.submitter?.name) return; // another way
		event.preventDefault();
		says.textContent = "";
		if (able) ask();
		else says.textContent = says.dataset.unable;
	});
	if (able && "auto" in field.dataset) seen().then(() => ask());
}

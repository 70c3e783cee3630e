// Ceremonies with security keys.

// assert is the proof of a key, as the server wants it.
export const assert = async (options) => {
	const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
	return (await navigator.credentials.get({ publicKey })).toJSON();
};

// register makes a key. Its handle is decoded twice, as authentik's interface does it.
export const register = async (options) => {
	const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
	const handle = atob(new TextDecoder().decode(publicKey.user.id));
	publicKey.user.id = Uint8Array.from(handle, (c) => c.charCodeAt(0));
	return (await navigator.credentials.create({ publicKey })).toJSON();
};

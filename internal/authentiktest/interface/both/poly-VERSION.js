// Browsers that run the tests lack nothing: the file is here because it is asked for.
export {};
